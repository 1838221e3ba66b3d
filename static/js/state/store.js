//! The records on this device: one IndexedDB database, every change one transaction. It decides nothing.
//!
//! | key | what |
//! |---|---|
//! | `chat:<id>` | a conversation, without the bytes of its images |
//! | `meta:<id>` | what the list needs of it |
//! | `draft:<id>` | what is typed there and not sent |
//! | `image:<chat>:<id>` | one image, base64 |
//! | `gone:<id>` | that it was removed, and when: another tab's copy must not bring it back |
//! | `taken:<id>` | what was taken of it from version 1 (`version1.js`) |
//!
//! Every method rejects when the browser does not let it; nothing is half written then.

import { draftKey, imagesNamed, isBlank, newDraft, shortTitle, titleOf } from './chat.js';
import { completed, database, request } from './database.js';
import { merge } from './merge.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Draft} Draft */
/** @typedef {Map<string, string>} Images base64 by id */
/** @typedef {{id: string, title: string, updated: number, pinned?: boolean, draft?: true}} Meta */
/** @typedef {{updated: number, draft: string, settings: string, leaf: string}} Taken */

/** Version 1 lies in `sluice`. Its pages know no upgrade and would block one in place. */
const NAME = 'sluice-2';

export class Store {
  /** @type {import('./database.js').Use | Promise<import('./database.js').Use> | undefined} */
  #db;
  #history;

  /** @param {import('./settings.js').History} history where the records are */
  constructor(history) {
    this.#history = history;
  }

  /** @returns {Promise<Meta[]>} of every conversation, and of every draft of one that has not begun */
  list() {
    return this.use('readonly', async (store) => {
      const [metas, drafts] = await Promise.all([all(store, 'meta:'), all(store, 'draft:')]);
      const begun = new Set(metas.map(({ id }) => id));
      return [...metas, ...drafts.filter(({ id }) => !begun.has(id)).map(draftMeta)];
    });
  }

  /** @param {string} id @returns {Promise<{chat?: Chat, draft?: Draft & {at: number}, gone: boolean}>} */
  read(id) {
    return this.use('readonly', async (store) => {
      const [chat, draft, gone] = await Promise.all(
        ['chat', 'draft', 'gone'].map((kind) => request(store.get(`${kind}:${id}`))),
      );
      return { chat, draft, gone: gone !== undefined };
    });
  }

  /**
   * Writes a conversation with its draft. What another tab wrote meanwhile of the conversation is merged; where it has
   * typed, its draft stays and is told. Images that neither names are removed.
   * @param {string} id
   * @param {Chat | null} chat null: it has not begun, so there is only a draft
   * @param {Draft | null} draft null: the record of it stays as it is
   * @param {string} seen the key of the draft's record as it was seen last
   * @param {Images} images those that are not written yet
   * @param {{of: string, note: Taken}} [taken] it is from version 1: what is here already goes before it
   * @returns {Promise<{gone?: true, chat: Chat | null, theirs?: Draft}>} what is there now; `gone`: it was removed
   */
  write(id, chat, draft, seen, images, taken) {
    return this.use('readwrite', async (store) => {
      const [old, typed, gone] = await Promise.all(
        ['chat', 'draft', 'gone'].map((kind) => request(store.get(`${kind}:${id}`))),
      );
      if (gone !== undefined) return { gone: true, chat: null };
      const merged = chat && old && taken ? merge(chat, old) : chat ? merge(old, chat) : (old ?? null);
      if (merged) store.put(merged, `chat:${id}`);
      if (merged) store.put(metaOf(merged), `meta:${id}`);
      const theirs = draft && !taken && draftKey(typed) !== seen ? (typed ?? newDraft()) : undefined;
      const stays = !draft || theirs || (taken && typed);
      if (!stays) putDraft(store, id, draft);
      const named = imagesNamed(merged, draft, stays && typed);
      for (const [image, data] of images) if (named.has(image)) store.put(data, imageKey(id, image));
      for (const key of await request(store.getAllKeys(within(imageKey(id, '')))))
        if (!named.has(String(key).slice(imageKey(id, '').length))) store.delete(key);
      if (taken) store.put(taken.note, `taken:${taken.of}`);
      return { chat: merged, ...(theirs && { theirs }) };
    });
  }

  /** @param {string} id @param {string} image @returns {Promise<string | undefined>} */
  image(id, image) {
    return this.use('readonly', (store) => request(store.get(imageKey(id, image))));
  }

  /** @param {string} id @returns {Promise<Images>} */
  images(id) {
    return this.use('readonly', (store) => imagesOf(store, id));
  }

  /** Removes a conversation with all that belongs to it. @param {string} id */
  remove(id) {
    return this.use('readwrite', async (store) => {
      for (const kind of ['chat', 'meta', 'draft']) store.delete(`${kind}:${id}`);
      store.delete(within(`image:${id}:`));
      store.put(Date.now(), `gone:${id}`);
    });
  }

  /** Takes a removal back; the conversation is written after this. @param {string} id */
  restore(id) {
    return this.use('readwrite', async (store) => void store.delete(`gone:${id}`));
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => Promise<T>} work all of it or nothing
   * @returns {Promise<T>}
   */
  async use(mode, work) {
    this.#db ??=
      this.#history === 'device'
        ? database(NAME, 'records')
        : import('./brief.js').then(({ briefStore }) => briefStore(/** @type {'session' | 'off'} */ (this.#history)));
    const use = await this.#db;
    return use(mode, async (store) => {
      const { transaction } = store;
      const done = completed(transaction);
      done.catch(() => {}); // told below, or by the request that failed
      try {
        const result = await work(store);
        if (mode === 'readwrite') await done;
        return result;
      } catch (error) {
        try {
          transaction.abort();
        } catch {
          // It has ended by itself.
        }
        throw error;
      }
    });
  }
}

/** @param {Chat} chat @returns {Meta} */
export const metaOf = (chat) => ({
  id: chat.id,
  title: titleOf(chat),
  updated: chat.updated,
  ...(chat.pinned && { pinned: true }),
});

/** @param {Draft & {id: string, at: number}} draft @returns {Meta} */
export const draftMeta = ({ id, text, sent, settings, at }) => ({
  id,
  title: shortTitle(text || sent?.text || settings?.system || ''),
  updated: at,
  draft: true,
});

/** @param {IDBObjectStore} store @param {string} id @param {Draft} draft */
function putDraft(store, id, draft) {
  if (isBlank(draft)) store.delete(`draft:${id}`);
  else store.put({ ...draft, id, at: Date.now() }, `draft:${id}`);
}

/** @param {string} id @param {string} image */
export const imageKey = (id, image) => `image:${id}:${image}`;

/** @param {string} prefix */
export const within = (prefix) => IDBKeyRange.bound(prefix, `${prefix}\uffff`);

/** @param {IDBObjectStore} store @param {string} prefix @returns {Promise<any[]>} */
export const all = (store, prefix) => request(store.getAll(within(prefix)));

/** @param {IDBObjectStore} store @param {string} id @returns {Promise<Images>} */
export async function imagesOf(store, id) {
  const range = within(imageKey(id, ''));
  const [keys, values] = await Promise.all([request(store.getAllKeys(range)), request(store.getAll(range))]);
  return new Map(keys.map((key, index) => [String(key).slice(imageKey(id, '').length), values[index]]));
}
