//! Two copies of one conversation, from two tabs, into one. Pure.
//!
//! No message is lost but those that somebody removed. Of two forms of a message the later one holds. The rest
//! (title, model, options) follows the copy that was changed last.

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */

/**
 * @param {Chat | undefined} stored
 * @param {Chat} mine
 * @returns {Chat}
 */
export function merge(stored, mine) {
  if (!stored) return mine;
  const gone = new Set([...stored.gone, ...mine.gone]);
  /** @type {Map<string, Message>} */
  const byId = new Map();
  for (const message of [...stored.messages, ...mine.messages]) {
    const other = byId.get(message.id);
    if (!gone.has(message.id) && (!other || message.at >= other.at)) byId.set(message.id, message);
  }
  // Within one tab the order is that of creation; pairs of two tabs follow each other by time, a question's
  // answer being created with it.
  const messages = Array.from(byId.values()).sort((a, b) => a.created - b.created);
  const later = mine.updated >= stored.updated ? mine : stored;
  return { ...later, messages, gone: Array.from(gone) };
}

/**
 * @param {Chat} merged
 * @param {Chat} mine
 * @returns {boolean} whether the other copy has changed anything that is shown in mine
 */
export const hasMore = (merged, mine) =>
  merged.messages.length !== mine.messages.length ||
  merged.messages.some((message, index) => message !== mine.messages[index]);
