//! A conversation: its shape, and the pure functions over it.

import { freshId } from '../dom.js';

/**
 * @typedef {'done' | 'stopped' | 'interrupted' | 'error'} MessageState
 *
 * `at` and `created` are milliseconds since 1970; `images` base64 without a prefix, as Ollama takes them.
 * @typedef {{
 *   id: string, role: 'user' | 'assistant', content: string, created: number, at: number,
 *   images?: string[], thinking?: string, model?: string, state?: MessageState,
 *   error?: {code: string, detail: string},
 *   stats?: Partial<import('../wire/answer.js').Stats> & {firstMs?: number},
 * }} Message
 *
 * Sampling only: runner options are the operator's.
 * @typedef {{temperature?: number, top_p?: number, top_k?: number, seed?: number, num_predict?: number}} Options
 *
 * `gone` holds the ids of removed messages, so that another tab's copy does not bring them back.
 * @typedef {{
 *   id: string, version: 1, title: string, created: number, updated: number, model: string,
 *   system: string, think: '' | 'on' | 'off', options: Options, messages: Message[], gone: string[],
 * }} Chat
 */

const TITLE_CHARS = 60;

/**
 * @param {number} now
 * @param {string} [model]
 * @returns {Chat}
 */
export function newChat(now, model = '') {
  return {
    id: freshId(),
    version: 1,
    title: '',
    created: now,
    updated: now,
    model,
    system: '',
    think: '',
    options: {},
    messages: [],
    gone: [],
  };
}

/**
 * @param {Message['role']} role
 * @param {string} content
 * @param {number} now
 * @returns {Message}
 */
export const newMessage = (role, content, now) => ({ id: freshId(), role, content, created: now, at: now });

/**
 * Ollama's request for the answer that follows `messages`. Turns that failed without a word are left out.
 * @param {Chat} chat
 * @param {Message[]} messages
 */
export function requestBody(chat, messages) {
  const said = messages.filter((message) => message.role === 'user' || message.content !== '');
  const history = said.map(({ role, content, images }) =>
    images?.length ? { role, content, images } : { role, content },
  );
  const system = chat.system.trim() === '' ? [] : [{ role: 'system', content: chat.system }];
  return {
    ...(chat.model && { model: chat.model }),
    messages: [...system, ...history],
    ...(Object.keys(chat.options).length > 0 && { options: chat.options }),
    ...(chat.think && { think: chat.think === 'on' }),
  };
}

/**
 * Removes the messages from `index` on, for good.
 * @param {Chat} chat
 * @param {number} index
 * @returns {Message[]} what was removed
 */
export function truncate(chat, index) {
  const removed = chat.messages.splice(index);
  chat.gone.push(...removed.map(({ id }) => id));
  return removed;
}

/** @param {Chat} chat @returns {string} its title, else its first words, else '' */
export function titleOf(chat) {
  if (chat.title) return chat.title;
  const first =
    chat.messages
      .find(({ role }) => role === 'user')
      ?.content.trim()
      .replace(/\s+/g, ' ') ?? '';
  return first.length > TITLE_CHARS ? `${first.slice(0, TITLE_CHARS).trimEnd()}…` : first;
}

/**
 * Tokens per second of a finished answer; 0 when unknown.
 * @param {Message['stats']} stats
 */
export const speedOf = (stats) => (stats?.tokens && stats.evalMs ? (stats.tokens * 1000) / stats.evalMs : 0);
