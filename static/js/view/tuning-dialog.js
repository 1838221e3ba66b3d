//! The settings of one conversation: system prompt, sampling, thinking.

import { more, shown } from './dialogs.js';
import { byId } from '../dom.js';
import { OPTIONS } from '../state/chat.js';

/**
 * @param {import('./chat-view.js').ChatView} view
 * @param {Record<string, unknown>} [defaults] what the server takes where a field is left empty, as far as it tells
 */
export async function openTuning({ conversation }, defaults = {}) {
  await more();
  const { chat } = conversation;
  const system = /** @type {HTMLTextAreaElement} */ (byId('tuning-system'));
  const think = /** @type {HTMLSelectElement} */ (byId('tuning-think'));
  system.value = chat.system;
  think.value = chat.think;
  for (const name of OPTIONS) field(name).value = chat.options[name] === undefined ? '' : String(chat.options[name]);
  for (const name of OPTIONS) field(name).placeholder = defaults[name] === undefined ? '' : String(defaults[name]);
  if (!(await shown('tuning-dialog'))) return;
  /** @type {import('../state/chat.js').Options} */
  const options = {};
  for (const name of OPTIONS) {
    const { valueAsNumber } = field(name);
    if (Number.isFinite(valueAsNumber)) options[name] = valueAsNumber;
  }
  const chosen = think.value === 'on' || think.value === 'off' ? think.value : '';
  conversation.set({ system: system.value, think: chosen, options });
}

/** @param {string} name */
function field(name) {
  const input = byId('tuning-dialog').querySelector(`[name=${name}]`);
  return /** @type {HTMLInputElement} */ (input);
}
