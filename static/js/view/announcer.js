//! What is told of the answers on their way beside the transcript: to a screen reader, in the header, to somebody whose
//! tab is hidden, and to the banner; and the key that a server asks for.

import { t } from '../i18n.js';
import { isBusy } from '../state/turn-state.js';
import { WAYS } from '../wire/errors.js';
import * as announce from './announce.js';
import { errorText } from './error-card.js';
import { placeText } from './queue.js';

/** @typedef {import('../state/turn.js').Turn} Turn */
/** @typedef {import('../state/conversation.js').Conversation} Conversation */
/**
 * @typedef {{
 *   library: import('../state/library.js').Library, health: import('./health.js').HealthBanner,
 *   queue: import('./queue.js').QueueIndicator,
 *   askKey: (conversation: Conversation) => void,
 * }} Parts
 */

/** Answers for which the screen is kept on. @type {WeakSet<Turn>} */
const awake = new WeakSet();

/** @param {Parts} parts */
export function bindAnnouncer(parts) {
  parts.library.addEventListener('turn', (event) => {
    const { turn, conversation } = /** @type {CustomEvent<{turn: Turn, conversation: Conversation}>} */ (event).detail;
    announce.alert('');
    turn.addEventListener('begun', () => announce.status(t('status.started')));
    turn.addEventListener('change', () => onChange(turn, parts));
    turn.addEventListener('over', () => onOver(turn, conversation, parts));
    parts.queue.poke();
  });
}

/** @type {Promise<import('./notify.js').Notifier> | undefined} */
let notifier;

/** What tells somebody who looks elsewhere comes when somebody waits, or does. @param {Turn} turn */
function tell(turn) {
  const { state } = turn;
  if (!notifier && state !== 'queued' && !document.hidden) return;
  notifier ??= import('./notify.js').then(({ Notifier }) => new Notifier());
  notifier.then(
    (one) => one.onTurn(turn, state),
    () => (notifier = undefined),
  );
}

/** @param {Turn} turn @param {Parts} parts */
function onChange(turn, { queue, library }) {
  tell(turn);
  if (turn.place) queue.show(turn.place);
  if (turn.state === 'queued' && !awake.has(turn)) {
    awake.add(turn);
    void import('./wake.js').then(
      ({ keepAwake }) => keepAwake(turn),
      () => {},
    );
    void import('../state/places.js').then(
      ({ keepPlaces }) => keepPlaces(library),
      () => {},
    );
  }
  if (turn.state === 'queued' && turn.place) announce.place(placeText(turn.place), performance.now());
  if (turn.state === 'stopped') announce.status(t('status.stopped'));
  if (!isBusy(turn.state)) queue.poke();
}

/** @param {Turn} turn @param {Conversation} conversation @param {Parts} parts */
function onOver({ error, state, message }, conversation, { health, askKey }) {
  if (!error) {
    if (state === 'done') announce.status(t('status.done'));
    return;
  }
  void errorText(error.code, message.content !== '').then(announce.alert);
  if (WAYS[error.code] === 'health') void health.check();
  if (WAYS[error.code] === 'key') askKey(conversation);
}
