//! The buttons on messages, by event delegation.

import { byId, copyText } from '../dom.js';
import { t } from '../i18n.js';
import * as announce from './announce.js';

const COPIED_MS = 1_500;

/**
 * @param {import('./chat-view.js').ChatView} view
 * @param {{
 *   askKey: (conversation: import('../state/conversation.js').Conversation, again?: () => void) => void,
 *   models: import('./models.js').ModelPicker,
 * }} parts
 */
export function bindActions(view, { askKey, models }) {
  byId('transcript').addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = /** @type {HTMLButtonElement | null} */ (target.closest('[data-action]'));
    const id = /** @type {HTMLElement | null} */ (target.closest('.message'))?.dataset.id ?? '';
    const summary = /** @type {HTMLElement | null} */ (target.closest('.thinking > summary'));
    if (summary?.parentElement) summary.parentElement.dataset.touched = '';
    if (button) run(button, id);
  });

  /**
   * @param {HTMLButtonElement} button
   * @param {string} id of the message
   */
  function run(button, id) {
    const { conversation } = view;
    switch (button.dataset.action) {
      case 'copy':
        return copy(button, conversation.message(id)?.content ?? '');
      case 'copy-code':
        return copy(button, codeOf(button));
      case 'retry':
        return andFocus(() => conversation.again(id));
      case 'retry-with':
        return retryWith(id);
      case 'take-model':
        return andFocus(() => conversation.takeModel(button.dataset.model ?? ''));
      case 'try-again':
        return andFocus(() => (conversation.refusal ? conversation.tryAgain() : conversation.sendUnsent()));
      case 'drop':
        return andFocus(() => conversation.dropRefused());
      case 'key':
        return askKey(conversation, id && !conversation.refusal ? () => conversation.again(id) : undefined);
      case 'continue':
        return andFocus(() => conversation.resume(id));
      case 'version':
        return view.choose(button.dataset.version ?? '');
      case 'edit':
        return view.edit(id);
      case 'delete':
        return remove(id);
      case 'notify':
        return notify(button);
      case 'cancel':
        return andFocus(() => view.stop());
    }
  }

  /** @param {string} id */
  async function remove(id) {
    const { conversation } = view;
    const { removeMessage } = await import('./remove-message.js');
    await removeMessage(view, conversation, id);
  }

  /** @param {string} id of the answer */
  async function retryWith(id) {
    const { conversation } = view;
    const { chooseModel } = await import('./model-dialog.js');
    const model = await chooseModel(models, conversation.message(id)?.model ?? '');
    if (model !== null) andFocus(() => conversation.again(id, model));
  }

  /** The button goes with what it does; the focus goes to where the answer can be stopped. @param {() => void} act */
  function andFocus(act) {
    act();
    byId('send').focus({ preventScroll: true });
  }
}

/** @param {Element} button @returns {string} the code as the fence has it, without the last line's end */
const codeOf = (button) => (button.closest('.code')?.querySelector('code')?.textContent ?? '').replace(/\n$/, '');

/** @param {HTMLButtonElement} button */
async function notify(button) {
  const { askToNotify } = await import('./notify.js');
  const may = await askToNotify();
  announce.status(t(may ? 'status.notify' : 'settings.notify_refused'));
  button.hidden = true;
  byId('send').focus({ preventScroll: true });
}

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
