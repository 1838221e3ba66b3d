//! The records as a whole: for search and export, to forget all of them, and what was taken from version 1. It comes with
//! the first of these.

import { request } from './database.js';
import { all, imagesOf, within } from './store.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./store.js').Store} Store */
/** @typedef {import('./store.js').Images} Images */
/** @typedef {import('./store.js').Taken} Taken */

/** A removed conversation is remembered so long; no tab with a copy is open longer. */
const GONE_DAYS = 60;
const DAY_MS = 86_400_000;

/** @param {Store} store @returns {Promise<{chat: Chat, images: Images}[]>} */
export const everything = (store) =>
  store.use('readonly', async (table) => {
    const chats = /** @type {Chat[]} */ (await all(table, 'chat:'));
    return Promise.all(chats.map(async (chat) => ({ chat, images: await imagesOf(table, chat.id) })));
  });

/** @param {Store} store @returns {Promise<Chat[]>} without images */
export const chats = (store) => store.use('readonly', (table) => all(table, 'chat:'));

/** Removes everything. That it was removed stays, so that no other tab's copy brings it back. @param {Store} store */
export const clear = (store) =>
  store.use('readwrite', async (table) => {
    const keys = await request(table.getAllKeys());
    table.clear();
    const ids = new Set(keys.map(String).flatMap((key) => /^(?:chat|draft|gone):(.+)$/.exec(key)?.[1] ?? []));
    for (const id of ids) table.put(Date.now(), `gone:${id}`);
  });

/** Removals of long ago need not be remembered. @param {Store} store */
export const prune = (store) =>
  store.use('readwrite', async (table) => {
    const keys = await request(table.getAllKeys(within('gone:')));
    const times = await request(table.getAll(within('gone:')));
    const before = Date.now() - GONE_DAYS * DAY_MS;
    keys.forEach((key, index) => times[index] < before && table.delete(key));
  });

/** @param {Store} store @returns {Promise<Map<string, Taken>>} what was taken from version 1, by conversation */
export const taken = (store) =>
  store.use('readonly', async (table) => {
    const [keys, values] = await Promise.all([
      request(table.getAllKeys(within('taken:'))),
      request(table.getAll(within('taken:'))),
    ]);
    return new Map(keys.map((key, index) => [String(key).slice('taken:'.length), values[index]]));
  });

/** @param {Store} store @param {string} id @returns {Promise<Taken | undefined>} what was taken of one */
export const takenOf = (store, id) => store.use('readonly', (table) => request(table.get(`taken:${id}`)));

/** Forgets that anything was taken from version 1. @param {Store} store */
export const forgetTaken = (store) => store.use('readwrite', async (table) => void table.delete(within('taken:')));
