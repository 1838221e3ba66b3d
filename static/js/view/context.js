//! How much of what the model can read at once the conversation fills, and that older messages are no longer read. It
//! comes with the first answer whose length the server has counted.

import { byId } from '../dom.js';
import { loadMore, t } from '../i18n.js';
import { tokensIn } from '../state/request.js';
import { pathOf } from '../state/tree.js';

await loadMore('more');

/** @typedef {import('../state/conversation.js').Conversation} Conversation */

/** Below this share nobody needs to know; this comes when a message of the conversation has reached it. */
const SHOWN_FROM = 0.5;
const TIGHT_FROM = 0.9;

/**
 * @param {Conversation} conversation
 * @param {number} most tokens that its model reads at once; 0: not known
 */
export function drawContext(conversation, most) {
  const box = byId('context');
  const { used, cut } = lengthOf(conversation);
  const share = most > 0 ? used / most : 0;
  box.hidden = !cut && share < SHOWN_FROM;
  if (box.hidden) return;
  box.toggleAttribute('data-tight', cut || share >= TIGHT_FROM);
  const meter = /** @type {HTMLMeterElement} */ (byId('context-meter'));
  meter.hidden = most === 0;
  meter.max = most || 1;
  meter.value = Math.min(used, most);
  const over = cut || share > 1;
  const text = over ? t('context.over') : t('context.used', { used, most });
  if (byId('context-text').textContent !== text) byId('context-text').textContent = text;
}

/**
 * What the server counted for the last answer, and an estimate of what has come since.
 * @param {Conversation} conversation
 * @returns {{used: number, cut: boolean}} `cut`: the server has said that not all of it was read
 */
function lengthOf({ chat, draft }) {
  const path = pathOf(chat);
  const last = path.findLastIndex(({ stats }) => (stats?.promptTokens ?? 0) > 0);
  const stats = path[last]?.stats;
  const counted = (stats?.promptTokens ?? 0) + (stats?.tokens ?? 0);
  const since = path.slice(last + 1).reduce((sum, { content }) => sum + tokensIn(content), 0);
  return { used: counted + since + tokensIn(draft.text), cut: stats?.promptCut === true };
}
