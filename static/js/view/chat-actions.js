//! What the buttons of the list do: rename, pin, delete.

import { byId } from '../dom.js';
import { loadMore, t } from '../i18n.js';
import { titleOf } from '../state/chat.js';
import { ask } from './dialogs.js';
import { offerUndo } from './undo.js';

/** @typedef {import('../state/library.js').Library} Library */
/** @typedef {import('./chat-list.js').ChatList} ChatList */

/**
 * @param {string} action
 * @param {string} id of the conversation
 * @param {Library} library
 * @param {import('./chat-view.js').ChatView} view
 * @param {ChatList} list
 */
export async function act(action, id, library, view, list) {
  if (action === 'remove') return remove(id, library, view, list);
  const conversation = await library.open(id);
  if (!conversation) return;
  if (action === 'pin') return conversation.set({ pinned: !conversation.chat.pinned });
  const title = await ask({ title: t('chats.rename'), yes: t('action.save'), value: titleOf(conversation.chat) });
  if (title === null) return;
  conversation.set({ title: title.trim() });
  await list.draw();
}

/**
 * @param {string} id
 * @param {Library} library
 * @param {import('./chat-view.js').ChatView} view
 * @param {ChatList} list
 */
async function remove(id, library, view, list) {
  await loadMore('more');
  const yes = await ask({ title: t('chats.delete_ask'), text: t('chats.delete_text'), yes: t('chats.delete') });
  if (yes === null) return;
  const wasShown = view.conversation.id === id;
  const back = await library.remove(id);
  const first = /** @type {HTMLElement | null} */ (byId('chat-list').querySelector('.chat-open'));
  if (document.activeElement === document.body) (first ?? byId('new-chat')).focus();
  if (!back) return;
  offerUndo(t('chats.deleted'), async () => {
    await back();
    if (wasShown) await list.open(id, { isMove: false });
  });
}
