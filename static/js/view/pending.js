//! What stands where an answer will be: the place in line, or what is waited for.

import { el, find } from '../dom.js';
import { t } from '../i18n.js';
import { placeText } from './queue.js';

/** @typedef {import('../state/turn.js').Turn} Turn */

/** "Loading the model…" instead of "Waiting for the first word…" after this. */
const LOADING_AFTER_MS = 2_000;

/**
 * @param {HTMLElement} line
 * @param {Turn} turn
 * @param {() => void} drawn after what comes a moment later
 */
export function drawPending(line, turn, drawn) {
  const text = pendingText(turn);
  line.hidden = text === '';
  if (find(line, '.pending-text').textContent !== text) find(line, '.pending-text').textContent = text;
  find(line, '[data-action=cancel]').hidden = turn.state !== 'queued';
  const box = find(line, '.place');
  box.hidden = turn.state !== 'queued' || !turn.place;
  if (!box.hidden)
    void import('./place.js').then(
      ({ drawPlace }) => (drawPlace(box, turn), drawn()),
      () => {},
    ); // the sentence is there
  drawPlaces(find(line, '.places'), turn.state === 'queued' ? turn.place : null);
}

/** An answer that another tab gets. @param {HTMLElement} line */
export function drawElsewhere(line) {
  line.hidden = false;
  find(line, '.pending-text').textContent = t('pending.elsewhere');
  find(line, '[data-action=cancel]').hidden = true;
}

/** @param {Turn} turn */
function pendingText({ state, place, pieces, modelSince }) {
  if (pieces > 0) return '';
  if (state === 'queued' && place) return placeText(place);
  const slow = performance.now() - modelSince > LOADING_AFTER_MS;
  if (state === 'loading') return t(slow ? 'pending.loading' : 'pending.waiting');
  return state === 'sending' ? t(slow ? 'pending.slow' : 'pending.sending') : '';
}

/**
 * The line as a picture: who runs, who waits before me, me. For the eye only; the sentence beside it says it.
 * @param {HTMLElement} box
 * @param {import('../wire/answer.js').Place | null} place
 */
function drawPlaces(box, place) {
  const count = place ? Math.min(place.position, 12) : 0;
  while (box.childElementCount > count) box.firstElementChild?.remove();
  while (box.childElementCount < count) box.prepend(el('i'));
}
