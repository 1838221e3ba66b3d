//! Takes over what version 1 of the page has: the database `sluice`, and what its pages left in localStorage.
//!
//! # Why beside it, and not in place
//! A page of version 1 that is still open has no handler for an upgrade and would block it. So version 2 has a database
//! of its own and reads the old one: at each start, and whenever a tab of version 1 says that it has written.
//!
//! # How
//! Conversation by conversation, each in one transaction of ours that also notes what was taken. What a tab of version 1
//! writes later is merged. What it removes is removed here too, if it was not changed here meanwhile. The old database
//! is only read, but that what is removed here is removed there; it is deleted 30 days after it was first taken, once
//! all of it is here. Whatever cannot be written (a full disk) is read from the old database as long as that is so.

import { draftKey, newDraft } from './chat.js';
import { request } from './database.js';
import { freshId } from './ids.js';
import { metaOf } from './store.js';
import { chats, forgetTaken, taken, takenOf } from './whole.js';
import { fromVersion1 } from './version1-chat.js';
import { LEFT, NAME } from './version1-names.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Draft} Draft */
/** @typedef {import('./store.js').Meta} Meta */
/** @typedef {import('./store.js').Taken} Taken */
/** @typedef {import('./version1-chat.js').Chat1} Chat1 */
/** @typedef {{chat: Chat, images: Map<string, string>, draft: Draft}} Old */
/** `meta` null: it was removed there. @typedef {{id: string, chat: Chat | null, meta: Meta | null, draft: Draft | null, images: Map<string, string>, written: boolean}} TakenEvent */

const TABLE = 'chats';
const CHANNEL = 'sluice.chats';
const KEPT_MS = 30 * 86_400_000;
/** Between two tries, where there is no room. */
const PAUSE_MS = { first: 5_000, most: 300_000 };
/** The key of what belongs to no conversation: when version 1 was first taken, and its one draft of a new one. */
const NEW = 'new';

export class Version1 {
  #store;
  /** Those that could not be taken. @type {Set<string>} */
  #untaken = new Set();
  /** @type {BroadcastChannel | undefined} */
  #channel;

  /** @param {import('./store.js').Store} store */
  constructor(store) {
    this.#store = store;
  }

  /**
   * Takes all of it, however often that has to be tried, and what comes later.
   * @param {(taken: TakenEvent) => void} onTaken
   * @param {import('./saver.js').Saver} saver
   */
  async takeAll(onTaken, saver) {
    this.#listen(onTaken);
    for (let pauseMs = PAUSE_MS.first; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS.most)) {
      const all = await this.#run(onTaken).catch(() => false);
      if (all && saver.waiting.length === 0) saver.tellTrouble(false);
      if (all) return;
      saver.tellTrouble(true);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Takes a conversation whenever a tab of version 1 has written it. @param {(taken: TakenEvent) => void} onTaken */
  #listen(onTaken) {
    this.#channel = new BroadcastChannel(CHANNEL);
    this.#channel.onmessage = ({ data }) => {
      if (typeof data === 'string') void this.#take(data, onTaken).catch(() => {});
    };
  }

  /**
   * Takes everything that is new.
   * @param {(taken: TakenEvent) => void} onTaken
   * @returns {Promise<boolean>} whether all of it is here now
   */
  async #run(onTaken) {
    await this.#takeLeft(onTaken);
    const there = await this.#use('readonly', listing);
    if (!there) return this.#untaken.size === 0;
    const noted = await taken(this.#store).catch(() => new Map());
    for (const [id, updated] of there.updated) {
      const before = await this.#noteOf(id); // another tab may have taken it meanwhile
      const same = before?.updated === updated && before.draft === (there.drafts.get(id) ?? '');
      if (!same) await this.#take(id, onTaken);
    }
    for (const [id, { updated }] of noted) {
      if (id !== NEW && !there.updated.has(id)) await this.#takeRemoval(id, updated, onTaken);
    }
    await this.#takeNewDraft(there.drafts.get(NEW) ?? '', noted.get(NEW), onTaken);
    const since = noted.get(NEW)?.updated ?? Date.now();
    if (this.#untaken.size > 0) return false;
    if (Date.now() - since > KEPT_MS) await this.#delete();
    return true;
  }

  /** @param {string} id @returns {Promise<Old | undefined>} */
  async read(id) {
    const found = await this.#use('readonly', async (table) => {
      const [chat, draft] = await Promise.all(['chat', 'draft'].map((kind) => request(table.get(`${kind}:${id}`))));
      return { chat, draft };
    });
    if (!found?.chat) return undefined;
    return { ...fromVersion1(found.chat), draft: { ...newDraft(), text: found.draft ?? '' } };
  }

  /** @param {string} id @returns {Promise<Taken | undefined>} */
  #noteOf(id) {
    return takenOf(this.#store, id).catch(() => undefined);
  }

  /** What is removed here is removed there. @param {string} id */
  async remove(id) {
    this.#untaken.delete(id);
    await this.#use('readwrite', async (table) => {
      for (const kind of ['chat', 'meta', 'draft']) table.delete(`${kind}:${id}`);
    });
    const left = readLeft();
    if (!left?.chats.some((chat) => chat.id === id)) return;
    writeLeft({ ...left, chats: left.chats.filter((chat) => chat.id !== id) });
  }

  /** @returns {Promise<Old[]>} what is only there */
  async untaken() {
    const olds = await Promise.all(Array.from(this.#untaken, (id) => this.read(id)));
    return olds.filter((old) => old !== undefined);
  }

  /** Deletes all of it. */
  async clear() {
    attempt(() => localStorage.removeItem(LEFT));
    await this.#delete();
  }

  async #delete() {
    await /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const deletion = indexedDB.deleteDatabase(NAME);
        // A tab of version 1 that is open holds it; it goes when that is closed.
        deletion.onsuccess = deletion.onerror = deletion.onblocked = () => resolve();
      })
    );
    await forgetTaken(this.#store).catch(() => {});
  }

  /**
   * @param {string} id
   * @param {(taken: TakenEvent) => void} onTaken
   */
  async #take(id, onTaken) {
    const old = await this.read(id);
    if (!old) {
      const before = await this.#noteOf(id);
      return before && this.#takeRemoval(id, before.updated, onTaken);
    }
    await this.#takeOld(id, old, onTaken);
  }

  /**
   * @param {string} id
   * @param {Old} old
   * @param {(taken: TakenEvent) => void} onTaken
   */
  async #takeOld(id, old, onTaken) {
    const { chat, draft, images } = old;
    try {
      const here = await this.#store.read(id);
      if (here.gone) return await this.remove(id);
      const before = await takenOf(this.#store, id);
      const settings = JSON.stringify([chat.title, chat.model, chat.system, chat.think, chat.options]);
      // An answer that grows there changes neither the settings nor the path that somebody has chosen here since.
      if (before?.settings === settings) chat.settingsAt = 0;
      if (before?.leaf === chat.leaf) chat.leafAt = 0;
      // A draft that was taken once may have been sent here, or deleted.
      const wanted = before?.draft === draft.text ? newDraft() : draft;
      const isNew = Array.from(images).filter(([image]) => !here.chat || !hasImage(here.chat, image));
      const note = { updated: chat.updated, draft: draft.text, settings, leaf: chat.leaf };
      const { chat: there } = await this.#store.write(id, chat, wanted, '', new Map(isNew), {
        of: id,
        note,
      });
      this.#untaken.delete(id);
      if (!there) return; // it was removed
      onTaken({ id, chat: there, meta: metaOf(there), draft: here.draft ? null : wanted, images, written: true });
    } catch {
      this.#untaken.add(id);
      onTaken({ id, chat: null, meta: metaOf(chat), draft: null, images, written: false });
    }
  }

  /**
   * @param {string} id
   * @param {number} updated as it was taken
   * @param {(taken: TakenEvent) => void} onTaken
   */
  async #takeRemoval(id, updated, onTaken) {
    const { chat, draft } = await this.#store.read(id);
    if (!chat || chat.updated !== updated || draft) return; // it was gone on with here
    await this.#store.remove(id);
    onTaken({ id, chat: null, meta: null, draft: null, images: new Map(), written: true });
  }

  /**
   * Version 1 had one draft for all new conversations, and it kept there what was sent long ago.
   * @param {string} text
   * @param {Taken | undefined} before
   * @param {(taken: TakenEvent) => void} onTaken
   */
  async #takeNewDraft(text, before, onTaken) {
    if (before?.draft === text) return;
    const note = { updated: before?.updated ?? Date.now(), draft: text, settings: '', leaf: '' };
    const known = await chats(this.#store);
    const sent = known.some((chat) => chat.messages.some(({ content }) => content === text));
    const id = freshId();
    const draft = { ...newDraft(), ...(!sent && { text }) };
    await this.#store.write(id, null, draft, '', new Map(), { of: NEW, note });
    if (text !== '' && !sent) {
      onTaken({
        id,
        chat: null,
        meta: { id, title: text.slice(0, 60), updated: Date.now(), draft: true },
        draft,
        images: new Map(),
        written: true,
      });
    }
  }

  /** What its pages had not written when they went away. @param {(taken: TakenEvent) => void} onTaken */
  async #takeLeft(onTaken) {
    const left = readLeft();
    if (!left) return;
    const drafts = new Map(left.drafts);
    for (const chat of left.chats) {
      const old = attempt(() => fromVersion1(chat));
      if (!old) continue;
      const draft = { ...newDraft(), text: drafts.get(chat.id) ?? '' };
      await this.#takeOld(chat.id, { ...old, draft }, onTaken);
      drafts.delete(chat.id);
    }
    for (const [id, text] of drafts) {
      if (id === NEW || text === '') continue;
      const here = await this.#store.read(id).catch(() => undefined);
      if (here?.chat && !here.draft && !here.gone) {
        await this.#store.write(id, null, { ...newDraft(), text }, draftKey(undefined), new Map()).catch(() => {});
      }
    }
    if (this.#untaken.size === 0) attempt(() => localStorage.removeItem(LEFT));
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(table: IDBObjectStore) => Promise<T>} work
   * @returns {Promise<T | undefined>} undefined where there is no version 1, or it cannot be read
   */
  async #use(mode, work) {
    const db = await opened().catch(() => undefined); // no IndexedDB
    if (!db) return undefined;
    try {
      return await work(db.transaction(TABLE, mode).objectStore(TABLE));
    } catch {
      return undefined;
    } finally {
      db.close();
    }
  }
}

/** @returns {Promise<IDBDatabase | undefined>} version 1's database, which is never made here */
function opened() {
  return new Promise((resolve) => {
    const opening = indexedDB.open(NAME);
    opening.onupgradeneeded = () => opening.transaction?.abort(); // there was none
    opening.onerror = (event) => {
      event.preventDefault();
      resolve(undefined);
    };
    opening.onsuccess = () => {
      const db = opening.result;
      db.onversionchange = () => db.close();
      if (db.objectStoreNames.contains(TABLE)) return resolve(db);
      db.close();
      resolve(undefined);
    };
  });
}

/** When each conversation was changed, and what is typed in it. @param {IDBObjectStore} table */
async function listing(table) {
  const [ids, metas, keys, texts] = await Promise.all([
    request(table.getAllKeys(IDBKeyRange.bound('chat:', 'chat:\uffff'))),
    request(table.getAll(IDBKeyRange.bound('meta:', 'meta:\uffff'))),
    request(table.getAllKeys(IDBKeyRange.bound('draft:', 'draft:\uffff'))),
    request(table.getAll(IDBKeyRange.bound('draft:', 'draft:\uffff'))),
  ]);
  const drafts = new Map(keys.map((key, index) => [String(key).slice('draft:'.length), String(texts[index] ?? '')]));
  const updated = new Map(ids.map((key) => [String(key).slice('chat:'.length), 0]));
  for (const meta of metas) if (updated.has(meta.id)) updated.set(meta.id, meta.updated);
  return { updated, drafts };
}

/** @param {Chat} chat @param {string} image */
const hasImage = (chat, image) => chat.messages.some(({ images }) => images?.includes(image));

/** @returns {{chats: Chat1[], drafts: [string, string][]} | undefined} */
function readLeft() {
  const left = attempt(() => JSON.parse(localStorage.getItem(LEFT) ?? 'null'));
  return Array.isArray(left?.chats) && Array.isArray(left?.drafts) ? left : undefined;
}

/** @param {{chats: Chat1[], drafts: [string, string][]}} left */
function writeLeft(left) {
  attempt(() => localStorage.setItem(LEFT, JSON.stringify(left)));
}

/**
 * @template T
 * @param {() => T} use
 * @returns {T | undefined}
 */
function attempt(use) {
  try {
    return use();
  } catch {
    return undefined;
  }
}
