//! A conversation as it is kept: its shape, and the small functions over it. Pure.
//!
//! Messages are a tree: each names its `parent`, and `leaf` is the message at which the shown path ends. Asking again
//! or editing adds a branch (`tree.js`); only somebody who deletes a message empties it.

import { freshId } from './ids.js';

/**
 * `running` while the answer is on its way. A message without a state is a question.
 * @typedef {'running' | 'done' | 'stopped' | 'interrupted' | 'error'} MessageState
 *
 * `at` and `created` are milliseconds since 1970; `images` are ids of records of their own; `parent` is '' for a
 * first message; `removed` leaves the place in the tree and nothing of what was said.
 * @typedef {{
 *   id: string, parent: string, role: 'user' | 'assistant', content: string, created: number, at: number,
 *   images?: string[], thinking?: string, model?: string, state?: MessageState, removed?: true,
 *   error?: {code: string, detail: string},
 *   stats?: Partial<import('../wire/answer.js').Stats> & {firstMs?: number},
 * }} Message
 *
 * Sampling only: runner options are the operator's.
 * @typedef {{temperature?: number, top_p?: number, top_k?: number, seed?: number, num_predict?: number}} Options
 *
 * `settingsAt`: when title, model, system, think, options or pinned were changed last; `leafAt` the same for `leaf`.
 * @typedef {{
 *   id: string, version: 2, title: string, created: number, updated: number, settingsAt: number, model: string,
 *   system: string, think: '' | 'on' | 'off', options: Options, pinned: boolean,
 *   messages: Message[], leaf: string, leafAt: number,
 * }} Chat
 *
 * What is typed and not sent. `edits` is the question that it is to replace, or ''; `aside` what was being typed when
 * that edit began; `sent` what is on its way and not taken yet, or was refused while something else was typed.
 * @typedef {{text: string, images: string[]}} Words
 * Where nothing was said yet the record has the settings too.
 * @typedef {Pick<Chat, 'model' | 'system' | 'think' | 'options'>} Settings
 * @typedef {Words & {edits: string, aside: Words | null, sent: (Words & {edits: string}) | null, settings?: Settings}} Draft
 */

export const OPTIONS = /** @type {const} */ (['temperature', 'top_p', 'top_k', 'seed', 'num_predict']);
const TITLE_CHARS = 60;

/**
 * @param {number} now
 * @param {string} [model]
 * @param {string} [id]
 * @returns {Chat}
 */
export function newChat(now, model = '', id = freshId()) {
  return {
    id,
    version: 2,
    title: '',
    created: now,
    updated: now,
    settingsAt: now,
    model,
    system: '',
    think: '',
    options: {},
    pinned: false,
    messages: [],
    leaf: '',
    leafAt: now,
  };
}

/** @returns {Draft} */
export const newDraft = () => ({ text: '', images: [], edits: '', aside: null, sent: null });

/** What of a draft's record counts. @param {Partial<Draft> | undefined} stored */
export function draftKey(stored) {
  const { text, images, edits, aside, sent } = { ...newDraft(), ...stored };
  return JSON.stringify({ text, images, edits, aside, sent });
}

/** @param {Words | null} words */
export const isEmpty = (words) => !words || (words.text.trim() === '' && words.images.length === 0);

/** @param {Draft} draft whether there is nothing in it to keep */
export const isBlank = ({ text, images, edits, aside, sent, settings }) =>
  text + edits === '' && images.length === 0 && isEmpty(aside) && isEmpty(sent) && !(settings && isSet(settings));

/** The model is what a new one has as well. @param {Settings} settings */
const isSet = ({ system, think, options }) => system + think !== '' || Object.keys(options).length > 0;

/**
 * @param {Chat | null} chat
 * @param {(Draft | null | undefined | false)[]} drafts
 * @returns {Set<string>} the images that they name
 */
export function imagesNamed(chat, ...drafts) {
  const words = drafts.flatMap((draft) => (draft ? [draft, draft.aside, draft.sent] : []));
  return new Set([...(chat?.messages ?? []), ...words].flatMap((one) => one?.images ?? []));
}

/**
 * A message that stands last by time, also where the clock of the device went back.
 * @param {Chat} chat
 * @param {Message['role']} role
 * @param {string} content
 * @param {string} parent
 * @param {number} now
 * @returns {Message}
 */
export function newMessage(chat, role, content, parent, now) {
  const created = chat.messages.reduce((latest, one) => Math.max(latest, one.created + 1), now);
  return { id: freshId(), parent, role, content, created, at: created };
}

/** The shown path ends here from now on. @param {Chat} chat @param {string} leaf @param {number} now */
export function showLeaf(chat, leaf, now) {
  chat.leaf = leaf;
  chat.leafAt = Math.max(now, chat.leafAt + 1);
}

/** A change of a message: later than any form that another tab has. @param {Message} message @param {number} now */
export function touch(message, now) {
  message.at = Math.max(now, message.at + 1);
}

/**
 * What is typed once the words are sent: what an edit had put aside, and what was refused before.
 * @param {Draft} draft
 * @returns {Pick<Draft, 'text' | 'images' | 'edits' | 'aside'>}
 */
export function afterSending({ aside, sent }) {
  const texts = [aside?.text, sent?.text].filter(Boolean);
  const images = [...(aside?.images ?? []), ...(sent?.images ?? [])];
  return { text: texts.join('\n\n'), images, edits: aside ? '' : (sent?.edits ?? ''), aside: null };
}

/**
 * What was sent and not taken is typed again, unless something else is typed.
 * @param {Draft} draft
 * @param {Words | null} aside what was typed beside it, if it was an edit
 * @returns {Draft} the same one where nothing is to be put back
 */
export function putBack(draft, aside) {
  const { text, images, edits, sent } = draft;
  if (!sent) return draft;
  const untouched = aside && !edits && aside.text === text && aside.images.length === images.length;
  if (!untouched && !isEmpty(draft)) return draft;
  return { ...sent, aside: sent.edits ? (aside ?? { text: '', images: [] }) : null, sent: null };
}

/** A draft as it lies in the records. @param {Partial<Draft> | undefined} stored @returns {Draft} */
export function readDraft(stored) {
  const { text, images, edits, aside, sent } = { ...newDraft(), ...stored };
  return putBack({ text, images, edits, aside, sent }, null);
}

/** @param {Chat} chat @returns {string} its title, else its first words, else '' */
export function titleOf(chat) {
  if (chat.title) return chat.title;
  const first = chat.messages.find(({ role, removed }) => role === 'user' && !removed)?.content ?? '';
  return shortTitle(first);
}

/** The first words of a text without its Markdown. @param {string} text */
export function shortTitle(text) {
  const plain = text
    .replace(/^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+|```\S*)/gm, '')
    .replace(/\*\*|__|`/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  if (plain.length <= TITLE_CHARS) return plain;
  const cut = plain.slice(0, TITLE_CHARS);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), TITLE_CHARS - 15)).trimEnd()}…`;
}

/**
 * Tokens per second of a finished answer; 0 when unknown.
 * @param {Message['stats']} stats
 */
export const speedOf = (stats) => (stats?.tokens && stats.evalMs ? (stats.tokens * 1000) / stats.evalMs : 0);
