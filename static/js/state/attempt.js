//! One attempt to get an answer. It changes nothing of the conversation until it is taken: a refusal leaves all as it was.
//!
//! A question is taken when the server has accepted it. Another answer, or more of one, is taken with its first word:
//! until then the old one stays.

import { newMessage, showLeaf, touch } from './chat.js';
import { parentOf, pathOf } from './tree.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */
/** @typedef {import('./chat.js').Words} Words */
/**
 * `history`: the path that is sent. `replaces`: messages that are removed once this is taken, since nothing of theirs
 * is lost by it. `words`: what was typed for it.
 * @typedef {{
 *   kind: 'ask' | 'again' | 'resume', of: string, question: Message | null, answer: Message, history: Message[],
 *   replaces: string[], words: (Words & {edits: string}) | null, aside: Words | null, taken: boolean,
 * }} Attempt
 */

/**
 * @param {Chat} chat
 * @param {Words & {edits: string}} words
 * @param {Words | null} aside what was being typed when the edit began
 * @param {number} now
 * @returns {Attempt}
 */
export function ask(chat, words, aside, now) {
  const path = pathOf(chat);
  const failed = words.edits ? [] : failedTurn(path, words);
  const before = words.edits || failed[0]?.id;
  const parent = before ? parentOf(chat, before) : chat.leaf;
  const question = newMessage(chat, 'user', words.text, parent, now);
  if (words.images.length > 0) question.images = words.images;
  const answer = running(chat, question.id, question.created + 1);
  return {
    kind: 'ask',
    of: '',
    question,
    answer,
    history: [...(parent ? pathOf(chat, parent) : []), question],
    replaces: failed.map(({ id }) => id),
    words,
    aside,
    taken: false,
  };
}

/**
 * @param {Chat} chat
 * @param {string} id the answer beside which the new one is to stand
 * @param {number} now
 * @returns {Attempt}
 */
export function again(chat, id, now) {
  const parent = parentOf(chat, id);
  return {
    kind: 'again',
    of: id,
    question: null,
    answer: running(chat, parent, now),
    history: pathOf(chat, parent),
    replaces: isWordless(find(chat, id)) ? [id] : [],
    words: null,
    aside: null,
    taken: false,
  };
}

/**
 * The model goes on with an answer that broke off. The longer one takes the place of its beginning.
 * @param {Chat} chat
 * @param {string} id
 * @param {number} now
 * @returns {Attempt}
 */
export function resume(chat, id, now) {
  const attempt = again(chat, id, now);
  const old = find(chat, id);
  if (!old) return attempt;
  attempt.answer.content = old.content;
  if (old.thinking) attempt.answer.thinking = old.thinking;
  return { ...attempt, kind: 'resume', history: [...attempt.history, old], replaces: [id] };
}

/**
 * The attempt becomes a part of the conversation.
 * @param {Chat} chat
 * @param {Attempt} attempt
 * @param {number} now
 */
export function take(chat, attempt, now) {
  attempt.taken = true;
  if (attempt.question) chat.messages.push(attempt.question);
  chat.messages.push(attempt.answer);
  for (const id of attempt.replaces) {
    const message = find(chat, id);
    // What was asked below the beginning of an answer goes on below the whole.
    if (message && attempt.kind === 'resume')
      for (const one of chat.messages) if (one.parent === id) move(one, attempt, now);
    if (message) empty(message, now);
  }
  showLeaf(chat, attempt.kind === 'resume' ? lastBelow(chat, attempt) : attempt.answer.id, now);
  chat.updated = Math.max(now, chat.updated);
}

/**
 * Empties a message. Its place in the tree stays.
 * @param {Message} message
 * @param {number} now
 */
export function empty(message, now) {
  for (const key of /** @type {const} */ (['images', 'thinking', 'error', 'stats', 'model'])) delete message[key];
  message.content = '';
  message.removed = true;
  touch(message, now);
}

/** @param {Chat} chat @param {string} parent @param {number} now @returns {Message} */
function running(chat, parent, now) {
  return { ...newMessage(chat, 'assistant', '', parent, now), state: 'running' };
}

/** @param {Message} message @param {Attempt} attempt @param {number} now */
function move(message, attempt, now) {
  if (message === attempt.answer) return;
  message.parent = attempt.answer.id;
  touch(message, now);
}

/** Going on with an answer further up leaves the shown path as it is. @param {Chat} chat @param {Attempt} attempt */
function lastBelow(chat, attempt) {
  return pathOf(chat).some(({ id }) => id === attempt.answer.id) ? chat.leaf : attempt.answer.id;
}

/** @param {Chat} chat @param {string} id */
const find = (chat, id) => chat.messages.find((message) => message.id === id);

/** @param {Message | undefined} message */
const isWordless = (message) => message?.role === 'assistant' && message.content === '' && !message.thinking;

/**
 * Sending the text of a failed turn again takes its place, instead of asking twice.
 * @param {Message[]} path
 * @param {Words} words
 * @returns {Message[]} its question and its answer, or nothing
 */
function failedTurn(path, words) {
  const [question, answer] = path.slice(-2);
  const same =
    question?.role === 'user' && question.content === words.text && !question.images && words.images.length === 0;
  return same && isWordless(answer) && answer.state === 'error' ? [question, answer] : [];
}
