//! Two copies of one conversation, from two tabs, into one. Pure.
//!
//! No message is lost. Of two forms of a message the later one holds. The settings (title, model, options) and the
//! shown path follow the copy in which each was changed last: an answer that grows in one tab changes neither.

import { soundLeaf } from './tree.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */

/**
 * @param {Chat | undefined} stored
 * @param {Chat} mine
 * @returns {Chat}
 */
export function merge(stored, mine) {
  if (!stored) return mine;
  /** @type {Map<string, Message>} */
  const byId = new Map();
  for (const message of [...stored.messages, ...mine.messages]) {
    const other = byId.get(message.id);
    if (!other || message.at >= other.at) byId.set(message.id, message);
  }
  const messages = Array.from(byId.values()).sort((a, b) => a.created - b.created);
  const settings = mine.settingsAt >= stored.settingsAt ? mine : stored;
  const { leaf, leafAt } = mine.leafAt >= stored.leafAt ? mine : stored;
  const updated = Math.max(mine.updated, stored.updated);
  const merged = { ...settings, updated, messages, leaf, leafAt };
  return { ...merged, leaf: soundLeaf(merged) };
}

/**
 * @param {Chat} one
 * @param {Chat} other
 * @returns {boolean} whether both say the same
 */
export const isSame = (one, other) =>
  one.updated === other.updated &&
  one.settingsAt === other.settingsAt &&
  one.leafAt === other.leafAt &&
  one.leaf === other.leaf &&
  one.messages.length === other.messages.length &&
  one.messages.every(({ id, at }, index) => id === other.messages[index].id && at === other.messages[index].at);
