//! Conversations out and in: JSON for everything, Markdown for one to read. Pure.
//!
//! What comes in is checked field by field: it was written by anybody.

import { newChat, newMessage, titleOf } from './chat.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */

const FORMAT = 'sluice-chats';
const STATES = ['done', 'stopped', 'interrupted', 'error'];
const HEADING = { user: '## You', assistant: '## Model' };

/** @param {Chat[]} chats */
export const toJson = (chats) => `${JSON.stringify({ format: FORMAT, version: 1, chats }, null, 1)}\n`;

/**
 * @param {string} text
 * @returns {Chat[]}
 * @throws {TypeError | SyntaxError} when it is not what `toJson` makes; then nothing is taken
 */
export function fromJson(text) {
  const { format, version, chats } = JSON.parse(text);
  if (format !== FORMAT || version !== 1 || !Array.isArray(chats)) throw new TypeError('not an export of this page');
  return chats.map(checkedChat);
}

/** @param {Chat} chat */
export function toMarkdown(chat) {
  const parts = chat.messages.map(({ role, content }) => `${HEADING[role]}\n\n${content.trim()}\n`);
  return [`# ${titleOf(chat)}\n`, ...parts].join('\n');
}

/**
 * @param {string} text as `toMarkdown` makes it
 * @param {number} now
 * @returns {Chat}
 * @throws {TypeError} when no message is found
 */
export function fromMarkdown(text, now) {
  const [head, ...parts] = text.replace(/\r\n?/g, '\n').split(/^## (?=(?:You|Model)$)/m);
  if (parts.length === 0) throw new TypeError('no conversation');
  const chat = newChat(now);
  chat.title = /^# (.+)$/m.exec(head)?.[1].trim() ?? '';
  chat.messages = parts.map((part, index) => {
    const end = part.indexOf('\n');
    const role = part.slice(0, end) === 'You' ? 'user' : 'assistant';
    const message = newMessage(role, part.slice(end + 1).trim(), now + index);
    return role === 'assistant' ? { ...message, state: 'done' } : message;
  });
  return chat;
}

/** @param {any} raw @returns {Chat} */
function checkedChat(raw) {
  if (typeof raw !== 'object' || raw === null || !Array.isArray(raw.messages))
    throw new TypeError('not a conversation');
  const options = Object.entries(raw.options ?? {}).filter(([, value]) => typeof value === 'number');
  return {
    id: id(raw.id),
    version: 1,
    title: string(raw.title),
    created: number(raw.created),
    updated: number(raw.updated),
    model: string(raw.model),
    system: string(raw.system),
    think: raw.think === 'on' || raw.think === 'off' ? raw.think : '',
    options: Object.fromEntries(options),
    messages: raw.messages.map(checkedMessage),
    gone: Array.isArray(raw.gone) ? raw.gone.map(id) : [],
  };
}

/** @param {any} raw @returns {Message} */
function checkedMessage(raw) {
  if (raw?.role !== 'user' && raw?.role !== 'assistant') throw new TypeError('not a message');
  const { images, error, stats, state } = raw;
  return {
    id: id(raw.id),
    role: raw.role,
    content: string(raw.content),
    created: number(raw.created),
    at: number(raw.at),
    ...(Array.isArray(images) && { images: images.map(base64) }),
    ...(raw.thinking !== undefined && { thinking: string(raw.thinking) }),
    ...(raw.model !== undefined && { model: string(raw.model) }),
    ...(STATES.includes(state) && { state }),
    ...(error && { error: { code: string(error.code), detail: string(error.detail) } }),
    ...(stats && { stats: Object.fromEntries(Object.entries(stats).filter(([, value]) => typeof value === 'number')) }),
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
function base64(value) {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw new TypeError('not an image');
  return value;
}
