//! The only way to a conversation: one live object per id, and what has to be written of it.
//!
//! `saver.js` writes what has changed to `store.js`. Other tabs hear of each change and removal, and tell theirs; what two tabs changed is merged. A removed
//! conversation stays removed, whoever still has a copy.
//!
//! Events: `list` (the list is another), `trouble` and `well` (writing fails, and works again), `removed` (the
//! conversation is the detail; also by another tab), `cleared` (another tab has removed everything), `turn` (an answer is on its way in a conversation).

import { draftKey, isBlank, newChat, newDraft } from './chat.js';
import { Conversation } from './conversation.js';
import { freshId } from './ids.js';
import * as left from './left.js';
import { older } from './older.js';
import { Saver } from './saver.js';
import { draftMeta, metaOf, Store } from './store.js';
import { Tabs } from './tabs.js';
import { isBusy } from './turn-state.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Draft} Draft */
/** @typedef {import('./store.js').Meta} Meta */
/** @typedef {import('./store.js').Images} Images */
/** @typedef {{chat: Chat, images: Images}} Whole */

/** Conversations that are kept open though nobody looks at them. */
const MOST_HELD = 40;
const TAKEN_AT_ONCE = 20;

export class Library extends EventTarget {
  #store;
  /** @type {Promise<import('./version1.js').Version1 | null>} */
  #older;
  #tab = freshId();
  #tabs = new Tabs();
  #saver;
  #stays;
  /** @type {Map<string, Conversation>} */
  #held = new Map();
  /** @type {Map<string, Meta>} */
  #metas = new Map();
  /** @type {Map<string, string>} words to search in, by conversation */
  #words = new Map();
  /** What other tabs have written so far is taken in. @type {Promise<unknown>} */
  #taken = Promise.resolve();
  /** What a conversation may ask of its library. */
  #keeper = {
    touched: (/** @type {Conversation} */ one, /** @type {'chat' | 'draft'} */ what) => this.#touched(one, what),
    flush: () => this.#saver.flush(),
    image: (/** @type {string} */ id, /** @type {string} */ image) => this.#store.image(id, image),
  };

  /** @param {import('./settings.js').History} history where conversations are kept */
  constructor(history) {
    super();
    this.#stays = history === 'device';
    this.#store = new Store(history);
    this.#older = this.#stays ? older(this.#store) : Promise.resolve(null);
    this.#saver = new Saver(this.#store, this.#stays ? this.#tab : '');
  }

  /** Reads the list and takes up what other pages have left. Call once, first. */
  async begin() {
    this.#listen();
    await this.#readList();
    await this.#takeLeft();
  }

  /** Takes what version 1 has: all of it, one after the other. Call after the page can be used. */
  async upgrade() {
    await (await this.#older)?.takeAll((taken) => this.#onTaken(taken), this.#saver);
  }

  /** @returns {Meta[]} pinned ones first, then the latest */
  get list() {
    return Array.from(this.#metas.values()).sort(
      (a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || b.updated - a.updated,
    );
  }

  /** @returns {Conversation[]} whose answers are on their way */
  get busy() {
    return Array.from(this.#held.values()).filter(({ busy }) => busy);
  }

  /**
   * @param {string} id
   * @returns {Promise<Conversation | undefined>} undefined where there is none of that id
   */
  async open(id) {
    const held = this.#held.get(id);
    if (held) return held;
    const { chat, draft, gone, images } = await this.#read(id);
    const early = this.#held.get(id); // opened twice at once
    if (early) return early;
    if (gone || (!chat && !draft)) return undefined;
    return this.#hold(chat ?? unbegun(id, draft), draft, images);
  }

  /**
   * One in which nothing was said.
   * @param {string} model
   * @param {string} [id]
   */
  fresh(model, id) {
    return this.#hold(newChat(Date.now(), model, id), newDraft());
  }

  /** The page goes away. */
  leave() {
    this.#saver.leave();
  }

  /** The page is looked at again: a tab that was closed since had no time to tell what it wrote. */
  async comeBack() {
    await this.#takeLeft();
    for (const [id, { watched }] of this.#held) if (watched) await this.#onChanged(id);
  }

  /**
   * Removes a conversation, stops its answer, and tells the other tabs.
   * @param {string} id
   * @returns {Promise<(() => Promise<void>) | null>} what brings it back, while this page is open; null: it could not be removed
   */
  async remove(id) {
    const conversation = await this.open(id);
    if (!conversation) return null;
    const images = new Map([...(await this.#store.images(id).catch(() => new Map())), ...conversation.images]);
    conversation.stop();
    this.#forget(conversation);
    left.forget(id);
    await (await this.#older)?.remove(id);
    const removed = await this.#store.remove(id).then(
      () => true,
      () => false,
    );
    if (!removed) this.#saver.tellTrouble(true);
    this.#tabs.removed(id);
    void whole()
      .then(({ prune }) => prune(this.#store))
      .catch(() => {});
    return async () => {
      await this.#store.restore(id).catch(() => {});
      this.#tabs.restored(id);
      const back = this.#hold(conversation.chat, conversation.draft, images);
      back.type({}); // its draft was removed with it
      this.#touched(back, 'chat');
      await this.#saver.flush();
    };
  }

  /**
   * Removes all that the page keeps, also from its other tabs. The page has to begin anew then.
   * @throws where the browser does not let it
   */
  async clear() {
    for (const conversation of this.#held.values()) this.#letGo(conversation);
    await (await whole()).clear(this.#store);
    await (await older(new Store('device')))?.clear();
    this.#tabs.cleared();
  }

  /** What was kept in the page alone goes where it is to be kept; the page has to begin anew then. @param {import('./settings.js').History} history */
  async moveTo(history) {
    await this.#saver.flush();
    await (await whole()).copy(this.#store, new Store(history));
  }

  /** Takes conversations from a file. A newer copy of one that is here is merged. @param {Whole[]} wholes */
  async take(wholes) {
    for (let at = 0; at < wholes.length; at += TAKEN_AT_ONCE) {
      const some = wholes.slice(at, at + TAKEN_AT_ONCE).map(async ({ chat, images }) => {
        await this.#store.restore(chat.id).catch(() => {});
        const conversation = (await this.open(chat.id)) ?? this.#held.get(chat.id) ?? this.#hold(chat, newDraft());
        conversation.takeIn(chat);
        conversation.addImages(images);
        this.#touched(conversation, 'chat');
      });
      await Promise.all(some);
      await this.#saver.flush();
    }
  }

  /** @returns {Promise<Whole[]>} for an export: also what could not be written */
  async everything() {
    await this.#saver.flush();
    return (await whole()).everything(this.#store, this.#saver.waiting, await this.#older);
  }

  /** @param {string} query in lower case @returns {Promise<Meta[]>} */
  async search(query) {
    await (await whole()).fillWords(this.#words, this.list, this.#held, this.#store);
    return this.list.filter(
      ({ id, title }) => title.toLowerCase().includes(query) || (this.#words.get(id)?.includes(query) ?? false),
    );
  }

  /** @param {Chat} chat @param {Draft | undefined} draft @param {Images} [images] that are not written yet; nor is the draft */
  #hold(chat, draft, images) {
    const conversation = new Conversation(chat, draft, this.#keeper);
    if (images) {
      conversation.addImages(images);
      conversation.seen = draftKey(undefined);
    }
    this.#held.set(chat.id, conversation);
    conversation.addEventListener('turn', (event) => {
      const { detail: turn } = /** @type {CustomEvent<import('./turn.js').Turn>} */ (event);
      this.dispatchEvent(new CustomEvent('turn', { detail: { turn, conversation } }));
    });
    if (conversation.unsure) this.#tabs.ask(conversation);
    const waiting = new Set(this.#saver.waiting);
    for (const [id, one] of this.#held) {
      if (this.#held.size <= MOST_HELD) break;
      if (one !== conversation && !one.busy && !waiting.has(one) && !one.watched) this.#held.delete(id);
    }
    return conversation;
  }

  /** @param {string} id @returns {Promise<{chat?: Chat, draft?: Draft, images?: Images, gone: boolean}>} */
  async #read(id) {
    /** @type {{chat?: Chat, draft?: Draft, gone: boolean}} */
    const found = await this.#store.read(id).catch(() => (this.#saver.tellTrouble(true), { gone: false }));
    if (found.gone || found.chat) return found;
    const old = await (await this.#older)?.read(id);
    return old ? { ...old, draft: found.draft ?? old.draft, gone: false } : found;
  }

  async #readList() {
    try {
      for (const meta of await this.#store.list()) this.#metas.set(meta.id, meta);
    } catch {
      this.#saver.tellTrouble(true);
    }
  }

  /** @param {Conversation} conversation @param {'chat' | 'draft'} what */
  #touched(conversation, what) {
    if (conversation.removed) return;
    this.#saver.touched(conversation, what);
    if (what === 'chat') this.#list(conversation);
  }

  /** @param {Conversation} conversation */
  #list({ id, begun, chat }) {
    this.#words.delete(id);
    if (!begun) return;
    this.#metas.set(id, metaOf(chat));
    this.#tell('list');
  }

  /** Something is typed in a conversation that has not begun. @param {Conversation} conversation */
  #listDraft({ id, record, begun }) {
    if (begun) return;
    if (isBlank(record)) this.#metas.delete(id);
    else this.#metas.set(id, draftMeta({ ...record, id, at: Date.now() }));
    this.#tell('list');
  }

  /** Nothing of it is written any more. @param {Conversation} conversation */
  #letGo(conversation) {
    conversation.removed = true;
    conversation.stop();
    this.#saver.forget(conversation);
    this.#held.delete(conversation.id);
  }

  /** It is removed. @param {Conversation} conversation */
  #forget(conversation) {
    const { id } = conversation;
    this.#letGo(conversation);
    this.#metas.delete(id);
    this.#words.delete(id);
    this.dispatchEvent(new CustomEvent('removed', { detail: conversation }));
    this.#tell('list');
  }

  /** Takes up what other pages could not write. */
  async #takeLeft() {
    if (!this.#stays) return;
    for (const { key, rests } of left.found(this.#tab)) {
      for (const rest of rests) await this.#takeRest(rest);
      if (!this.#saver.inTrouble) left.done(key);
    }
  }

  /** @param {left.Rest} rest */
  async #takeRest({ id, chat, draft, at = 0 }) {
    const conversation =
      (await this.open(id)) ?? ((await this.#isGone(id)) ? null : this.#hold(chat ?? unbegun(id, draft), newDraft()));
    if (!conversation) return;
    if (chat) conversation.takeIn(chat);
    const typedAt = (await this.#store.read(id).catch(() => undefined))?.draft?.at ?? 0;
    if (draft && typedAt <= at) await conversation.joinDraft(draft); // else that tab has gone on since
    if (chat) this.#touched(conversation, 'chat');
    await this.#saver.flush();
  }

  /** @param {string} id */
  async #isGone(id) {
    return (await this.#store.read(id).catch(() => ({ gone: false }))).gone;
  }

  #listen() {
    this.#saver.addEventListener('written', (event) => {
      const { conversation, there } = /** @type {CustomEvent<import('./saver.js').Written>} */ (event).detail;
      if (there) conversation.takeIn(there);
      else this.#listDraft(conversation);
      this.#tabs.changed(conversation.id);
    });
    this.#saver.addEventListener('gone', (event) => this.#forget(/** @type {CustomEvent} */ (event).detail));
    for (const type of ['trouble', 'well']) this.#saver.addEventListener(type, () => this.#tell(type));
    // One after another, whatever becomes of one: what was read first must not be listed last.
    const next = (/** @type {() => unknown} */ take) => (this.#taken = this.#taken.then(take, take));
    const onChanged = (/** @type {Event} */ event) => next(() => this.#onChanged(detail(event)));
    this.#tabs.addEventListener('changed', onChanged);
    this.#tabs.addEventListener('removed', (event) => {
      const id = detail(event);
      const conversation = this.#held.get(id);
      if (conversation) this.#forget(conversation);
      const unlist = () => {
        this.#metas.delete(id);
        this.#tell('list');
      };
      unlist();
      next(unlist);
    });
    this.#tabs.addEventListener('cleared', () => {
      for (const conversation of this.#held.values()) this.#letGo(conversation);
      this.#tell('cleared');
    });
    this.#tabs.addEventListener('restored', onChanged);
    this.#tabs.answer = (id) => {
      const turn = this.#held.get(id)?.turn;
      return turn ? isBusy(turn.state) : false;
    };
  }

  /** Another tab has written. @param {string} id */
  async #onChanged(id) {
    const found = await this.#store.read(id).catch(() => null);
    if (!found) return;
    const { chat, draft } = found;
    const conversation = this.#held.get(id);
    conversation?.takeInDraft(draft);
    if (chat && conversation) {
      conversation.takeIn(chat);
      if (conversation.unsure) this.#tabs.ask(conversation);
    }
    this.#words.delete(id);
    if (chat) this.#metas.set(id, metaOf(chat));
    else if (draft && !conversation) await this.#readList();
    else if (!draft && !conversation?.begun && isBlank(conversation?.draft ?? newDraft())) this.#metas.delete(id);
    this.#tell('list');
  }

  /** @param {import('./version1.js').TakenEvent} taken */
  #onTaken({ id, chat, meta, written, draft }) {
    if (meta === null) {
      const conversation = this.#held.get(id);
      if (conversation) this.#forget(conversation);
      this.#metas.delete(id);
    } else {
      this.#metas.set(id, meta);
      const conversation = this.#held.get(id);
      if (chat && conversation) conversation.takeIn(chat);
      if (chat && conversation?.unsure) conversation.setElsewhere(true);
      if (conversation && draft && conversation.draft.text === '') conversation.fill(draft);
      if (written) this.#tabs.changed(id);
      else this.#saver.tellTrouble(true);
    }
    this.#words.delete(id);
    this.#tell('list');
  }

  /** @param {string} type */
  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}

/** One in which nothing was said. @param {string} id @param {Draft | null | undefined} draft @returns {Chat} */
const unbegun = (id, draft) => ({ ...newChat(Date.now(), '', id), ...draft?.settings });

const whole = () => import('./whole.js');

/** @param {Event} event @returns {string} */
const detail = (event) => /** @type {CustomEvent<string>} */ (event).detail;
