//! The place in line, large: how far it has moved, what is to be expected, and that one may leave. It comes with the
//! first answer that has to wait.

import { find, style } from '../dom.js';
import { has, loadMore, number, t } from '../i18n.js';
import { setting } from '../state/settings.js';
import { canNotify } from './notify.js';

await Promise.all([loadMore('more'), style('/css/place.css')]);

/** @typedef {import('../state/turn.js').Turn} Turn */
/** @typedef {import('../wire/answer.js').Place} Place */

/**
 * @param {HTMLElement} box
 * @param {Turn} turn that stands in line
 */
export function drawPlace(box, turn) {
  const place = /** @type {Place} */ (turn.place);
  say(find(box, '.place-now'), t('place.big', { position: place.position }));
  const bar = /** @type {HTMLProgressElement} */ (find(box, 'progress'));
  bar.max = turn.firstPosition;
  bar.value = turn.firstPosition - place.position;
  bar.hidden = turn.firstPosition < 2;
  say(find(box, '.place-reason'), reasonOf(place));
  say(find(box, '.place-eta'), estimateOf(turn));
  drawAlternative(box, place);
  const line = /** @type {HTMLElement} */ (box.parentElement);
  find(line, '[data-action=notify]').hidden = !canNotify() || setting('notify') === 'on';
}

/** @param {HTMLElement} node @param {string} text */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === '';
}

/** Another model that would begin much sooner, if the server knows one. @param {HTMLElement} box @param {Place} place */
function drawAlternative(box, { alternatives }) {
  const button = find(box, '[data-action=take-model]');
  const first = Array.isArray(alternatives) ? alternatives[0] : undefined;
  button.hidden = !first;
  if (!first) return;
  button.dataset.model = first.model;
  const seconds = Math.max(1, Math.ceil(first.etaSeconds));
  say(button, t('place.alternative', { model: first.model, range: rangeText(seconds, seconds) }));
}

/** Why it stands where it stands, if the server tells a reason that there are words for. @param {Place} place */
function reasonOf({ reason, model = t('model.this'), ahead = 0 }) {
  const key = `place.reason_${reason}`;
  const why = reason && has(key) ? t(key, { model }) : '';
  return [why, ahead > 0 ? t('place.ahead', { n: ahead }) : ''].filter(Boolean).join(' ');
}

/** An estimate that has passed is none. @param {Turn} turn */
function estimateOf({ place, promisedAt }) {
  if (!place?.etaSeconds && !place?.etaRange) return '';
  if (performance.now() > promisedAt) return t('place.overdue');
  const [least, most] = place.etaRange ?? [(place.etaSeconds ?? 0) * 0.7, (place.etaSeconds ?? 0) * 1.5];
  return t('place.range', { range: rangeText(least, most) });
}

/** @param {number} least @param {number} most in seconds */
function rangeText(least, most) {
  const minutes = most >= 90;
  const unit = minutes ? 60 : 1;
  const [low, high] = [Math.max(1, Math.floor(least / unit)), Math.max(1, Math.ceil(most / unit))];
  const span = low === high ? number(low) : `${number(low)}–${number(high)}`;
  return t(minutes ? 'place.minutes' : 'place.seconds', { span });
}
