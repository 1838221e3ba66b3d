//! The messages of a conversation as a tree: the path that is shown, and the versions beside it. Pure.
//!
//! A removed message is as if it were not there: what hangs below it hangs below the nearest one above that is still
//! there, so nothing that was not removed gets out of reach.

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */

/**
 * The messages from the first down to `leaf`.
 * @param {Chat} chat
 * @param {string} [leaf]
 * @returns {Message[]}
 */
export function pathOf(chat, leaf = chat.leaf) {
  const byId = new Map(chat.messages.map((message) => [message.id, message]));
  /** @type {Set<Message>} a set: a circle in an imported file must end */
  const path = new Set();
  for (let at = byId.get(leaf); at && !path.has(at); at = byId.get(at.parent)) path.add(at);
  return Array.from(path)
    .filter(({ removed }) => !removed)
    .reverse();
}

/**
 * The messages that follow a message (or begin, for ''), the oldest first.
 * @param {Chat} chat
 * @param {string} id
 * @returns {Message[]}
 */
export function childrenOf(chat, id) {
  return index(chat).get(id) ?? [];
}

/**
 * A message and the others in its place.
 * @param {Chat} chat
 * @param {string} id
 * @returns {Message[]} the oldest first, itself among them
 */
export function versionsOf(chat, id) {
  return childrenOf(chat, parentOf(chat, id));
}

/** @param {Chat} chat @param {string} id @returns {string} the nearest message above that is still there, or '' */
export function parentOf(chat, id) {
  return pathOf(chat, id).findLast((message) => message.id !== id)?.id ?? '';
}

/**
 * Where one gets to when a version is chosen: the newest message below it.
 * @param {Chat} chat
 * @param {string} id
 * @returns {string}
 */
export function leafBelow(chat, id) {
  const children = index(chat);
  let leaf = id;
  for (const seen = new Set(); !seen.has(leaf);) {
    seen.add(leaf);
    leaf = children.get(leaf)?.at(-1)?.id ?? leaf;
  }
  return leaf;
}

/**
 * A leaf that is there: the one that is named, else the newest message.
 * @param {Chat} chat
 * @returns {string}
 */
export function soundLeaf(chat) {
  if (chat.messages.some(({ id }) => id === chat.leaf)) return chat.leaf;
  return (
    chat.messages.reduce((latest, one) => (!latest || one.created >= latest.created ? one : latest), chat.messages[0])
      ?.id ?? ''
  );
}

/** @param {Chat} chat @returns {Map<string, Message[]>} what follows each message */
function index(chat) {
  const byId = new Map(chat.messages.map((message) => [message.id, message]));
  /** @type {Map<string, Message[]>} */
  const children = new Map();
  for (const message of chat.messages.toSorted((a, b) => a.created - b.created)) {
    if (message.removed) continue;
    const parent = livingAbove(byId, message);
    const list = children.get(parent) ?? [];
    list.push(message);
    children.set(parent, list);
  }
  return children;
}

/** @param {Map<string, Message>} byId @param {Message} message */
function livingAbove(byId, message) {
  const seen = new Set([message]);
  let parent = byId.get(message.parent);
  while (parent?.removed && !seen.has(parent)) {
    seen.add(parent);
    parent = byId.get(parent.parent);
  }
  return parent && !seen.has(parent) ? parent.id : '';
}
