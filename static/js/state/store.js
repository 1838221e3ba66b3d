//! Conversations on this device: IndexedDB, one record per conversation and a small one for the list.
//!
//! Writes are gathered for a second. A page that goes away cannot wait for IndexedDB, so what is not written by then
//! is left in localStorage and taken up by the next page. Where IndexedDB fails, the page works on from memory
//! and says so (`trouble`). Another tab's writes are merged, not overwritten, and told (`changed`, with the
//! conversation's id as detail): when they are made, and when a write of one's own finds them.

import * as idb from '../../vendor/idb-keyval-6.3.0.js';
import { titleOf } from './chat.js';
import { hasMore, merge } from './merge.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {{id: string, title: string, updated: number}} Meta */

const WRITE_AFTER_MS = 1_000;
const LEFT = 'sluice.left';

export class Store extends EventTarget {
  #db;
  /** @type {Map<string, Chat>} conversations with changes that are not written yet */
  #dirty = new Map();
  /** @type {Map<string, string>} the same for drafts */
  #drafts = new Map();
  /** @type {Map<string, any>} what could not be written */
  #memory = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #channel = new BroadcastChannel('sluice.chats');

  constructor() {
    super();
    this.#db = attempt(() => idb.createStore('sluice', 'chats'));
    this.#channel.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent('changed', { detail: data }));
  }

  /** Takes up what the last page left. Call once, before anything is read. */
  async begin() {
    const left = attempt(() => JSON.parse(localStorage.getItem(LEFT) ?? 'null'));
    if (!left) return;
    for (const chat of left.chats) this.#dirty.set(chat.id, chat);
    for (const [id, text] of left.drafts) await this.saveDraft(id, text);
    await this.flush();
    attempt(() => localStorage.removeItem(LEFT));
  }

  /** The page goes away: leaves what is not written where that takes no time. */
  leave() {
    const left = { chats: Array.from(this.#dirty.values()), drafts: Array.from(this.#drafts) };
    if (left.chats.length + left.drafts.length > 0) attempt(() => localStorage.setItem(LEFT, JSON.stringify(left)));
    void this.flush();
  }

  /** @returns {Promise<Meta[]>} the latest first */
  async list() {
    const keys = await this.#use((db) => idb.keys(db), /** @type {IDBValidKey[]} */ ([]));
    const wanted = keys.filter((key) => String(key).startsWith('meta:'));
    const stored = await this.#use((db) => idb.getMany(wanted, db), /** @type {(Meta | undefined)[]} */ ([]));
    /** @type {Map<string, Meta>} */
    const metas = new Map();
    for (const meta of stored) if (meta) metas.set(meta.id, meta);
    for (const [key, value] of this.#memory) if (key.startsWith('meta:')) metas.set(value.id, value);
    for (const chat of this.#dirty.values()) metas.set(chat.id, metaOf(chat));
    return Array.from(metas.values()).sort((a, b) => b.updated - a.updated);
  }

  /** @param {string} id @returns {Promise<Chat | undefined>} */
  async load(id) {
    return this.#dirty.get(id) ?? (await this.#get(`chat:${id}`));
  }

  /** @returns {Promise<Chat[]>} for export and search */
  async all() {
    const chats = await Promise.all((await this.list()).map(({ id }) => this.load(id)));
    return chats.filter((chat) => chat !== undefined);
  }

  /** Writes soon. The object may change until then. @param {Chat} chat */
  save(chat) {
    this.#dirty.set(chat.id, chat);
    this.#timer ??= setTimeout(() => this.flush(), WRITE_AFTER_MS);
  }

  /** Writes now. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await Promise.all(Array.from(this.#dirty.values(), (chat) => this.#write(chat)));
  }

  /** @param {string} id */
  async remove(id) {
    this.#dirty.delete(id);
    const keys = ['chat', 'meta', 'draft'].map((kind) => `${kind}:${id}`);
    for (const key of keys) this.#memory.delete(key);
    await this.#use((db) => idb.delMany(keys, db), undefined);
    this.#channel.postMessage(id);
  }

  /** What was typed and not sent. @param {string} id @returns {Promise<string>} */
  async draft(id) {
    return this.#drafts.get(id) ?? (await this.#get(`draft:${id}`)) ?? '';
  }

  /** @param {string} id @param {string} text */
  async saveDraft(id, text) {
    this.#drafts.set(id, text);
    await this.#set(`draft:${id}`, text);
    if (this.#drafts.get(id) === text) this.#drafts.delete(id);
  }

  /** @param {Chat} chat */
  async #write(chat) {
    const copy = structuredClone(chat);
    let merged = copy;
    const wrote = await this.#use(
      (db) => idb.update(`chat:${chat.id}`, (old) => (merged = merge(old, copy)), db).then(() => true),
      false,
    );
    if (!wrote) this.#memory.set(`chat:${chat.id}`, copy);
    await this.#set(`meta:${chat.id}`, metaOf(chat));
    if (chat.updated === copy.updated) this.#dirty.delete(chat.id);
    this.#channel.postMessage(chat.id);
    if (hasMore(merged, copy)) this.dispatchEvent(new CustomEvent('changed', { detail: chat.id }));
  }

  /** @param {string} key */
  async #get(key) {
    return this.#memory.get(key) ?? (await this.#use((db) => idb.get(key, db), undefined));
  }

  /** @param {string} key @param {any} value */
  async #set(key, value) {
    const wrote = await this.#use((db) => idb.set(key, value, db).then(() => true), false);
    if (wrote) this.#memory.delete(key);
    else this.#memory.set(key, value);
  }

  /**
   * @template T
   * @param {(db: idb.UseStore) => Promise<T>} work
   * @param {T} otherwise
   * @returns {Promise<T>}
   */
  async #use(work, otherwise) {
    try {
      if (!this.#db) throw new Error('no IndexedDB');
      return await work(this.#db);
    } catch {
      this.dispatchEvent(new Event('trouble'));
      return otherwise;
    }
  }
}

/** @param {Chat} chat @returns {Meta} */
const metaOf = (chat) => ({ id: chat.id, title: titleOf(chat), updated: chat.updated });

/**
 * @template T
 * @param {() => T} make
 * @returns {T | undefined}
 */
function attempt(make) {
  try {
    return make();
  } catch {
    return undefined;
  }
}
