//! Writes conversations that have changed: gathered for a moment, each in one transaction, one batch after the other.
//! What the browser does not let it write stays, and is tried again.
//!
//! Events: `written` and `gone` (the conversation was removed by another tab), `trouble` and `well` (writing fails, and
//! works again).

import { draftKey } from './chat.js';
import * as left from './left.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {{conversation: Conversation, there: import('./chat.js').Chat | null}} Written */

const AFTER_MS = { chat: 1_000, draft: 300 };
/** After a write that failed. */
const AGAIN_AFTER_MS = 5_000;

export class Saver extends EventTarget {
  #store;
  #tab;
  /** @type {Map<Conversation, number>} what is to be written, and how often it has changed */
  #dirty = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #dueAt = Infinity;
  /** @type {Promise<unknown>} */
  #writing = Promise.resolve();
  #trouble = false;

  /** @param {import('./store.js').Store} store @param {string} tab under whose name the rest is left; '': nowhere */
  constructor(store, tab) {
    super();
    this.#store = store;
    this.#tab = tab;
  }

  /** @returns {Conversation[]} what is not written yet */
  get waiting() {
    return Array.from(this.#dirty.keys());
  }

  get inTrouble() {
    return this.#trouble;
  }

  /** @param {Conversation} conversation @param {'chat' | 'draft'} what */
  touched(conversation, what) {
    this.#dirty.set(conversation, (this.#dirty.get(conversation) ?? 0) + 1);
    this.#due(AFTER_MS[what]);
  }

  /** @param {Conversation} conversation */
  forget(conversation) {
    this.#dirty.delete(conversation);
  }

  /** Writes now. */
  flush() {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    const batch = this.waiting;
    this.#writing = this.#writing.then(() => Promise.all(batch.map((one) => this.#write(one))));
    return this.#writing;
  }

  /** The page goes away: leaves what is not written where that takes no time. */
  leave() {
    const rests = this.waiting.map(({ id, begun, chat, record, draftChanges }) => ({
      ...{ id, chat: begun ? chat : null, draft: draftChanges > 0 ? record : null, at: Date.now() },
    }));
    left.leave(this.#tab, rests);
    void this.flush();
  }

  /** @param {boolean} trouble */
  tellTrouble(trouble) {
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    this.dispatchEvent(new Event(trouble ? 'trouble' : 'well'));
  }

  /** @param {number} afterMs */
  #due(afterMs) {
    const at = Date.now() + afterMs;
    if (at >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(() => this.flush(), afterMs);
  }

  /** @param {Conversation} conversation @returns {Promise<unknown>} */
  async #write(conversation) {
    const changes = this.#dirty.get(conversation);
    if (changes === undefined) return;
    const { id, begun, unwritten, draftChanges } = conversation;
    const images = new Map(Array.from(unwritten, (image) => [image, conversation.images.get(image) ?? '']));
    try {
      const chat = begun ? structuredClone(conversation.chat) : null;
      const draft = draftChanges > 0 ? structuredClone(conversation.record) : null;
      const { gone, chat: there, theirs } = await this.#store.write(id, chat, draft, conversation.seen, images);
      if (theirs) {
        await conversation.joinDraft(theirs);
        conversation.seen = draftKey(theirs);
        return await this.#write(conversation);
      }
      if (draft) conversation.seen = draftKey(draft);
      if (conversation.draftChanges === draftChanges) conversation.draftChanges = 0;
      if (this.#dirty.get(conversation) === changes || gone) this.#dirty.delete(conversation);
      if (gone) return this.dispatchEvent(new CustomEvent('gone', { detail: conversation }));
      for (const image of images.keys()) unwritten.delete(image);
      if (this.#dirty.size === 0) left.leave(this.#tab, []);
      this.dispatchEvent(new CustomEvent('written', { detail: { conversation, there } }));
      if (this.#dirty.size === 0) this.tellTrouble(false);
    } catch {
      this.tellTrouble(true);
      this.#due(AGAIN_AFTER_MS);
    }
  }
}
