//! Conversations out and in: JSON for everything, Markdown for one to read. Pure.
//!
//! What comes in is checked field by field: it was written by anybody. Exports of version 1 come in too.

import { newChat, newMessage, OPTIONS, titleOf } from './chat.js';
import { WAYS } from '../wire/errors.js';
import { pathOf, soundLeaf } from './tree.js';
import { fromVersion1 } from './version1-chat.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */
/** @typedef {import('./version1-chat.js').Chat1} Chat1 */
/** @typedef {{chat: Chat, images: Map<string, string>}} Whole */

const FORMAT = 'sluice-chats';
const STATES = ['running', 'done', 'stopped', 'interrupted', 'error'];
const HEADING = { user: '## You', assistant: '## Model' };

/** @param {Whole[]} wholes */
export function toJson(wholes) {
  const chats = wholes.map(({ chat, images }) => ({ ...chat, images: Object.fromEntries(images) }));
  return `${JSON.stringify({ format: FORMAT, version: 2, chats }, null, 1)}\n`;
}

/**
 * @param {string} text
 * @returns {Whole[]}
 * @throws {TypeError | SyntaxError} when it is not what `toJson` makes; then nothing is taken
 */
export function fromJson(text) {
  const { format, version, chats } = JSON.parse(text);
  if (format !== FORMAT || !Array.isArray(chats)) throw new TypeError('not an export of this page');
  if (version === 1) return chats.map((raw) => fromVersion1(checkedChat1(raw)));
  if (version === 2) return chats.map(checkedChat);
  throw new TypeError('an export of another version');
}

/**
 * The shown path. Where a message has a line like our headings, ours carry a mark that no message has.
 * @param {Chat} chat
 */
export function toMarkdown(chat) {
  const messages = pathOf(chat);
  const mark = markFor(messages);
  const parts = messages.map(({ role, content }) => `${HEADING[role]}${mark}\n\n${content.trim()}\n`);
  return [`# ${titleOf(chat)}\n`, ...parts].join('\n');
}

/**
 * @param {string} text as `toMarkdown` makes it
 * @param {number} now
 * @returns {Whole}
 * @throws {TypeError} when no message is found
 */
export function fromMarkdown(text, now) {
  const clean = text.replace(/\r\n?/g, '\n');
  const mark = /^## (?:You|Model)( <!-- sluice \d+ -->)?$/m.exec(clean)?.[1] ?? '';
  const [head, ...parts] = clean.split(new RegExp(`^## (?=(?:You|Model)${mark}$)`, 'm'));
  if (parts.length === 0) throw new TypeError('no conversation');
  const chat = newChat(now);
  chat.title = /^# (.+)$/m.exec(head)?.[1].trim() ?? '';
  for (const part of parts) {
    const end = part.indexOf('\n');
    const role = part.startsWith('You') ? 'user' : 'assistant';
    const message = newMessage(chat, role, part.slice(end + 1).trim(), chat.leaf, now);
    if (role === 'assistant') message.state = 'done';
    chat.messages.push(message);
    chat.leaf = message.id;
  }
  return { chat, images: new Map() };
}

/** @param {Message[]} messages */
function markFor(messages) {
  const text = messages.map(({ content }) => content).join('\n');
  if (!/^## (?:You|Model)\b/m.test(text)) return '';
  let number = 1;
  while (text.includes(`<!-- sluice ${number} -->`)) number += 1;
  return ` <!-- sluice ${number} -->`;
}

/** @param {any} raw @returns {Whole} */
function checkedChat(raw) {
  const chat = {
    ...checkedHead(raw),
    version: /** @type {const} */ (2),
    settingsAt: number(raw.settingsAt),
    pinned: raw.pinned === true,
    messages: /** @type {any[]} */ (raw.messages).map((one) => {
      const { images } = one ?? {};
      return {
        ...checkedMessage(one),
        parent: one.parent === '' ? '' : id(one.parent),
        ...(Array.isArray(images) && { images: images.map(imageId) }),
        ...(one.removed === true && { removed: /** @type {const} */ (true) }),
      };
    }),
    leaf: raw.leaf === '' ? '' : id(raw.leaf),
    leafAt: number(raw.leafAt),
  };
  chat.leaf = soundLeaf(chat);
  const images = Object.entries(raw.images ?? {}).map(
    ([key, data]) => /** @type {[string, string]} */ ([imageId(key), base64(data)]),
  );
  return { chat, images: new Map(images) };
}

/** @param {any} raw @returns {Chat1} */
function checkedChat1(raw) {
  return {
    ...checkedHead(raw),
    version: 1,
    messages: /** @type {any[]} */ (raw.messages).map((one) => ({
      ...checkedMessage(one),
      ...(Array.isArray(one.images) && { images: one.images.map(base64) }),
    })),
    gone: [],
  };
}

/** What both versions have. @param {any} raw */
function checkedHead(raw) {
  if (typeof raw !== 'object' || raw === null || !Array.isArray(raw.messages))
    throw new TypeError('not a conversation');
  /** @type {import('./chat.js').Options} */
  const options = {};
  for (const name of OPTIONS) if (typeof raw.options?.[name] === 'number') options[name] = raw.options[name];
  /** @type {'' | 'on' | 'off'} */
  const think = raw.think === 'on' || raw.think === 'off' ? raw.think : '';
  return {
    id: id(raw.id),
    title: string(raw.title),
    created: number(raw.created),
    updated: number(raw.updated),
    model: string(raw.model),
    system: string(raw.system),
    think,
    options,
  };
}

/** @param {any} raw */
function checkedMessage(raw) {
  if (raw?.role !== 'user' && raw?.role !== 'assistant') throw new TypeError('not a message');
  const { error, stats, state } = raw;
  return {
    id: id(raw.id),
    role: /** @type {Message['role']} */ (raw.role),
    content: string(raw.content),
    created: number(raw.created),
    at: number(raw.at),
    ...(raw.thinking !== undefined && { thinking: string(raw.thinking) }),
    ...(raw.model !== undefined && { model: string(raw.model) }),
    ...(STATES.includes(state) && { state }),
    ...(error && { error: { code: code(error.code), detail: string(error.detail) } }),
    ...(stats && { stats: checkedStats(stats) }),
  };
}

/** @param {any} raw */
function checkedStats(raw) {
  const numbers = Object.entries(raw).filter(([, value]) => typeof value === 'number');
  return {
    ...Object.fromEntries(numbers),
    ...(typeof raw.reason === 'string' && { reason: raw.reason }),
    ...(raw.promptCut === true && { promptCut: true }),
  };
}

/** @param {unknown} value */
function string(value) {
  if (value !== undefined && typeof value !== 'string') throw new TypeError('not a text');
  return value ?? '';
}

/** @param {unknown} value */
function number(value) {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('not a number');
  return value;
}

/** @param {unknown} value */
function id(value) {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) throw new TypeError('not an id');
  return value;
}

/** @param {unknown} value */
function imageId(value) {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}(\.\d{1,2})?$/.test(value)) throw new TypeError('not an image');
  return value;
}

/** The page has a sentence for each code that it knows. @param {unknown} value */
const code = (value) => (typeof value === 'string' && Object.hasOwn(WAYS, value) ? value : 'upstream_error');

/** @param {unknown} value */
function base64(value) {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw new TypeError('not an image');
  return value;
}
