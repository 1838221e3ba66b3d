//! The card that says what went wrong, in one sentence, and offers one way on.

import { WAYS } from '../wire/errors.js';
import { find, fromTemplate } from '../dom.js';
import { apply, has, t } from '../i18n.js';

/**
 * @param {{code: string, detail: string, retryAfterMs: number, action: string, partial?: boolean}} what `action` is what
 *   the button does; `partial`: words that came stand above
 */
export function errorCard({ code, detail, retryAfterMs, action, partial = false }) {
  const card = fromTemplate('error-card');
  card.dataset.code = code;
  find(card, '.card-text').textContent = errorText(code, partial);
  find(card, '.card-detail').hidden = detail === '';
  find(card, '.card-words').textContent = detail;
  apply(card);
  const button = /** @type {HTMLButtonElement} */ (find(card, '.card-way'));
  const needsKey = WAYS[code] === 'key';
  button.dataset.action = needsKey ? 'key' : action;
  button.textContent = t(needsKey ? 'action.enter_key' : 'action.try_again');
  if (retryAfterMs > 0) countDown(button, retryAfterMs);
  return card;
}

/**
 * @param {string} code
 * @param {boolean} partial
 */
export function errorText(code, partial) {
  const special = `error.${code}.partial`;
  return partial && has(special) ? t(special) : t(`error.${code}`);
}

/**
 * @param {HTMLButtonElement} button disabled until then
 * @param {number} ms
 */
function countDown(button, ms) {
  const end = performance.now() + ms;
  const label = button.textContent ?? '';
  button.disabled = true;
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? t('action.try_again_in', { seconds: left }) : label;
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
  };
  queueMicrotask(tick);
}
