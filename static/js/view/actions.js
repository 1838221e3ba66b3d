//! The buttons on messages, by event delegation.

import * as announce from './announce.js';
import { askKey } from './dialogs.js';
import { byId, copyText } from '../dom.js';
import { t } from '../i18n.js';

const COPIED_MS = 1_500;

/** @param {import('./conversation.js').Conversation} conversation */
export function bindActions(conversation) {
  const transcript = byId('transcript');
  transcript.addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = /** @type {HTMLButtonElement | null} */ (target.closest('[data-action]'));
    const id = /** @type {HTMLElement | null} */ (target.closest('.message'))?.dataset.id;
    const summary = /** @type {HTMLElement | null} */ (target.closest('.thinking > summary'));
    if (summary?.parentElement) summary.parentElement.dataset.touched = '';
    if (button && id) run(button, id);
  });

  /**
   * @param {HTMLButtonElement} button
   * @param {string} id of the message
   */
  function run(button, id) {
    switch (button.dataset.action) {
      case 'copy':
        return copy(button, conversation.textOf(id));
      case 'copy-code':
        return copy(button, codeOf(button));
      case 'retry':
        return conversation.retry(id);
      case 'resend':
        return conversation.submit();
      case 'key':
        return askKey(() => conversation.retry(id));
      case 'continue':
        return conversation.resume(id);
      case 'edit':
        return conversation.edit(id);
      case 'delete':
        return conversation.remove(id);
      case 'cancel':
        return conversation.stop();
    }
  }
}

/** @param {Element} button @returns {string} the code as the fence has it, without the last line's end */
const codeOf = (button) => (button.closest('.code')?.querySelector('code')?.textContent ?? '').replace(/\n$/, '');

/**
 * @param {HTMLButtonElement} button
 * @param {string} text
 */
async function copy(button, text) {
  const copied = await copyText(text);
  announce.status(t(copied ? 'status.copied' : 'status.not_copied'));
  button.dataset.copied = String(copied);
  setTimeout(() => delete button.dataset.copied, COPIED_MS);
}
