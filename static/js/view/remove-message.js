//! Removes a message, and brings it back for a while.

import { loadMore, t } from '../i18n.js';
import { empty } from '../state/attempt.js';
import { showLeaf, touch } from '../state/chat.js';
import { leafBelow, pathOf } from '../state/tree.js';
import { offerUndo } from './undo.js';

/** @typedef {import('../state/conversation.js').Conversation} Conversation */

/**
 * @param {import('./chat-view.js').ChatView} view
 * @param {Conversation} conversation
 * @param {string} id
 */
export async function removeMessage(view, conversation, id) {
  const back = removed(conversation, id);
  const focus = () => view.conversation === conversation && view.focus(id);
  focus();
  await loadMore('more');
  offerUndo(t('message.deleted'), () => {
    back();
    focus();
  });
}

/** @param {Conversation} conversation @param {string} id @returns {() => void} what brings it back */
function removed(conversation, id) {
  const { chat } = conversation;
  const message = conversation.message(id);
  if (!message || conversation.attempt?.answer === message) return () => {};
  const before = { ...message };
  const { images = [] } = before;
  const { leaf } = chat;
  for (const image of images) void conversation.image(image).catch(() => {}); // they go with the next write
  const others = conversation.versions(id).filter((one) => one !== message);
  empty(message, Date.now());
  const follows = pathOf(chat).some((one) => one.created > before.created);
  const next = others.findLast(({ created }) => created < before.created) ?? others[0];
  if (!follows && next) showLeaf(chat, leafBelow(chat, next.id), Date.now());
  conversation.changed();
  return () => {
    delete message.removed;
    const { at, ...said } = before;
    Object.assign(message, said);
    for (const image of images) if (conversation.images.has(image)) conversation.unwritten.add(image);
    touch(message, Date.now());
    showLeaf(chat, leaf, Date.now());
    conversation.changed();
  };
}
