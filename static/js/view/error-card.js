//! The card that says what went wrong, in one sentence, and offers one way on.

import { WAYS } from '../wire/errors.js';
import { find, fromTemplate } from '../dom.js';
import { apply, has, loadMore, t } from '../i18n.js';

/**
 * @param {{code: string, detail: string, retryAt?: number, action: string, partial?: boolean}} what `action` is what
 *   the button does, from `retryAt` on; `partial`: words that came stand above
 */
export function errorCard({ code, detail, retryAt = 0, action, partial = false }) {
  const card = fromTemplate('error-card');
  card.dataset.code = code;
  void errorText(code, partial).then((text) => (find(card, '.card-text').textContent = text));
  find(card, '.card-detail').hidden = detail === '';
  find(card, '.card-words').textContent = detail;
  apply(card);
  const button = /** @type {HTMLButtonElement} */ (find(card, '.card-way'));
  const needsKey = WAYS[code] === 'key';
  button.dataset.action = needsKey ? 'key' : action;
  button.textContent = t(needsKey ? 'action.enter_key' : 'action.try_again');
  if (retryAt > performance.now()) countDown(button, retryAt);
  return card;
}

/**
 * The sentences for what a server that is there says come when it says so; those for one that is not are here.
 * @param {string} code
 * @param {boolean} partial
 */
export async function errorText(code, partial) {
  const key = `error.${code}`;
  const special = `${key}.partial`;
  if (!has(key)) await loadMore('more');
  if (partial && has(special)) return t(special);
  return t(has(key) ? key : 'error.upstream_error');
}

/**
 * @param {HTMLButtonElement} button disabled until then
 * @param {number} end
 */
function countDown(button, end) {
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
