//! The messages of the shown conversation on the page: the last 60, and the rest when asked for.

import { byId } from '../dom.js';
import { MessageView } from './message-view.js';

/** @typedef {import('../state/chat.js').Message} Message */
/** @typedef {import('../state/turn.js').Turn} Turn */

const SHOWN = 60;

export class Transcript {
  #list = byId('transcript');
  #earlier = byId('earlier');
  #scroll;
  /** @type {Map<string, MessageView>} */
  #views = new Map();
  /** @type {Message[]} */
  #hidden = [];

  /** @param {import('./scroll.js').ScrollKeeper} scroll */
  constructor(scroll) {
    this.#scroll = scroll;
    this.#earlier.addEventListener('click', () => this.#showEarlier());
  }

  /** @returns {MessageView | undefined} */
  get last() {
    return Array.from(this.#views.values()).at(-1);
  }

  /** @param {string} id */
  view(id) {
    return this.#views.get(id);
  }

  /**
   * Draws a conversation. Views of messages that are shown already stay as they are.
   * @param {Message[]} messages
   * @param {Turn | undefined} turn the answer on its way, one of them
   */
  show(messages, turn) {
    const shown = messages.slice(-SHOWN);
    this.#hidden = messages.slice(0, -SHOWN);
    this.#earlier.hidden = this.#hidden.length === 0;
    const wanted = new Set(shown.map(({ id }) => id));
    for (const id of this.#views.keys()) if (!wanted.has(id)) this.remove(id);
    const views = shown.map((message) => {
      const old = this.#views.get(message.id);
      if (old && old.message === message && turn?.message !== message) return old;
      this.remove(message.id);
      return this.#make(message, turn?.message === message ? turn : undefined);
    });
    this.#views = new Map(views.map((view) => [view.message.id, view]));
    views.forEach(({ node }, index) => {
      const there = this.#list.children[index];
      if (there !== node) this.#list.insertBefore(node, there ?? null);
    });
    byId('empty').hidden = messages.length > 0;
    this.#scroll.follow();
  }

  /**
   * @param {Message} message
   * @param {Turn | undefined} turn
   */
  add(message, turn) {
    const view = this.#make(message, turn);
    this.#list.append(view.node);
    this.#scroll.follow();
  }

  /** @param {string} id */
  remove(id) {
    this.#views.get(id)?.dispose();
    this.#views.delete(id);
  }

  /**
   * A new answer has begun: what it replaces goes, and all that followed.
   * @param {string} id
   * @param {string} keep
   */
  removeFrom(id, keep) {
    const ids = Array.from(this.#views.keys());
    for (const one of ids.slice(ids.indexOf(id))) if (one !== keep) this.remove(one);
  }

  #showEarlier() {
    const more = this.#hidden.splice(-SHOWN);
    const first = this.#list.firstElementChild;
    const anchor = first?.getBoundingClientRect().top ?? 0;
    const older = new Map(this.#views);
    this.#views.clear();
    this.#list.prepend(...more.map((message) => this.#make(message, undefined).node));
    for (const [id, view] of older) this.#views.set(id, view);
    this.#earlier.hidden = this.#hidden.length === 0;
    const moved = (first?.getBoundingClientRect().top ?? 0) - anchor;
    byId('scroller').scrollTop += moved;
  }

  /**
   * @param {Message} message
   * @param {Turn | undefined} turn
   */
  #make(message, turn) {
    const view = new MessageView(message, () => this.#scroll.follow());
    this.#views.set(message.id, view);
    if (turn) void view.follow(turn);
    else if (message.role === 'assistant') void view.drawAnswer();
    return view;
  }
}
