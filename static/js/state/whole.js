//! The records as a whole: for search and export, to forget all of them, and what was taken from version 1. It comes with
//! the first of these.

import { imagesNamed } from './chat.js';
import { request } from './database.js';
import { all, imagesOf, Store, within } from './store.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./store.js').Images} Images */
/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {{chat: Chat, images: Images}} Whole */
/** @typedef {import('./store.js').Taken} Taken */

/** A removed conversation is remembered so long; no tab with a copy is open longer. */
const GONE_DAYS = 60;
const DAY_MS = 86_400_000;

/**
 * @param {Store} store
 * @param {Conversation[]} waiting what could not be written
 * @param {import('./version1.js').Version1 | null} version1
 * @returns {Promise<Whole[]>}
 */
export async function everything(store, waiting, version1) {
  const stored = await store
    .use('readonly', async (table) => {
      const chats = /** @type {Chat[]} */ (await all(table, 'chat:'));
      return Promise.all(chats.map(async (chat) => ({ chat, images: await imagesOf(table, chat.id) })));
    })
    .catch(() => []);
  /** @type {Map<string, Whole>} */
  const wholes = new Map(stored.map((whole) => [whole.chat.id, whole]));
  for (const { id, chat, images, begun } of waiting) {
    if (begun) wholes.set(id, { chat, images: new Map([...(wholes.get(id)?.images ?? []), ...images]) });
  }
  const untaken = (await version1?.untaken()) ?? [];
  for (const whole of untaken) if (!wholes.has(whole.chat.id)) wholes.set(whole.chat.id, whole);
  return Array.from(wholes.values(), ({ chat, images }) => {
    const named = imagesNamed(chat);
    return { chat, images: new Map(Array.from(images).filter(([image]) => named.has(image))) };
  });
}

/**
 * The words of conversations, where they are not known yet.
 * @param {Map<string, string>} words by conversation
 * @param {import('./store.js').Meta[]} list
 * @param {Map<string, Conversation>} held what they are just now
 * @param {Store} store
 */
export async function fillWords(words, list, held, store) {
  for (const { id, chat } of held.values()) words.set(id, wordsOf(chat));
  if (list.every(({ id, draft }) => draft || words.has(id))) return;
  for (const chat of await chats(store).catch(() => [])) if (!held.has(chat.id)) words.set(chat.id, wordsOf(chat));
}

/** @param {Chat} chat */
const wordsOf = (chat) => chat.messages.map(({ content }) => content.toLowerCase()).join('\n');

/** @param {Store} store @returns {Promise<Chat[]>} without images */
export const chats = (store) => store.use('readonly', (table) => all(table, 'chat:'));

/**
 * Removes everything: also the settings, the API key, and what lies on the device from before conversations were kept
 * elsewhere. @param {Store} store
 */
export async function clear(store) {
  forgetSettings();
  for (const one of [store, new Store('device')]) await one.use('readwrite', empty);
}

/** That it was removed stays, so that no other tab's copy brings it back. @param {IDBObjectStore} table */
async function empty(table) {
  const keys = await request(table.getAllKeys());
  table.clear();
  const ids = new Set(keys.map(String).flatMap((key) => /^(?:chat|draft|gone):(.+)$/.exec(key)?.[1] ?? []));
  for (const id of ids) table.put(Date.now(), `gone:${id}`);
}

/** What is kept beside the records. A tab has some of it for itself, and forgets that by this note (`early.js`). */
function forgetSettings() {
  for (const name of ['localStorage', 'sessionStorage']) {
    try {
      const storage = /** @type {Storage} */ (/** @type {any} */ (globalThis)[name]);
      for (const key of Object.keys(storage)) if (key.startsWith('sluice.')) storage.removeItem(key);
      storage.setItem('sluice.forgotten', String(Date.now()));
    } catch {
      // Nothing can be kept there, so nothing is.
    }
  }
}

/** @param {Store} from @param {Store} to */
export async function copy(from, to) {
  const [keys, values] = await from.use('readonly', (table) =>
    Promise.all([request(table.getAllKeys()), request(table.getAll())]),
  );
  await to.use('readwrite', async (table) => keys.forEach((key, index) => table.put(values[index], key)));
}

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
