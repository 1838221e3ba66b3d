//! The conversation that is shown, and what one can do with it by the buttons and keys of the page.

import { byId } from '../dom.js';
import { Transcript } from './transcript.js';

/** @typedef {import('../state/conversation.js').Conversation} Conversation */
/**
 * @typedef {{
 *   library: import('../state/library.js').Library, composer: import('./composer.js').Composer,
 *   scroll: import('./scroll.js').ScrollKeeper,
 * }} Parts
 */

/** Events: `shown` (another conversation), `changed` (the shown one). */
export class ChatView extends EventTarget {
  #parts;
  #transcript;
  /** @type {Conversation} */
  #shown;
  #listening = new AbortController();
  /** What is drawn next, once. */
  #due = false;

  /** @param {Parts} parts @param {Conversation} first */
  constructor(parts, first) {
    super();
    this.#parts = parts;
    this.#transcript = new Transcript(parts.scroll);
    this.#shown = first;
    parts.composer.addEventListener('send', () => this.send());
    parts.composer.addEventListener('stop', () => this.stop());
    window.addEventListener('pagehide', () => {
      // A place in line is taken up by the page after this one (`state/places.js`), unless it was given up.
      for (const { turn } of parts.library.busy) if (turn?.state !== 'queued') turn?.leave();
    });
    window.addEventListener('beforeunload', (event) => {
      if (parts.library.busy.length > 0) event.preventDefault(); // a place in line, or an answer, would be lost
    });
    byId('starters').addEventListener('click', ({ target }) => {
      if (!(target instanceof HTMLButtonElement) || this.#shown.draft.text !== '') return;
      this.#shown.fill({ text: `${target.textContent?.replace('…', '').trimEnd()} ` });
      parts.composer.focus();
    });
    this.show(first);
  }

  get conversation() {
    return this.#shown;
  }

  /** @param {Conversation} conversation */
  show(conversation) {
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#shown.watched = false;
    this.#shown = conversation;
    conversation.watched = true;
    conversation.addEventListener('changed', () => this.#drawSoon(), { signal });
    conversation.addEventListener('draft', () => this.#drawSoon(), { signal }); // which question is edited
    conversation.addEventListener('turn', () => this.#parts.scroll.pin(), { signal });
    this.#parts.composer.show(conversation);
    this.#draw();
    this.#parts.scroll.reset();
    this.dispatchEvent(new Event('shown'));
  }

  send() {
    this.#shown.send();
  }

  stop() {
    this.#shown.stop();
  }

  /** @param {string} id of the question to edit */
  edit(id) {
    this.#shown.startEdit(id);
    this.#parts.composer.focus();
  }

  /** @param {string} id of the version to show */
  choose(id) {
    this.#shown.choose(id);
    this.focus(id);
  }

  /** What was pressed may be gone: the focus goes to the message, or to the last one. @param {string} id */
  focus(id) {
    this.#draw();
    const view = this.#transcript.view(id) ?? this.#transcript.last;
    if (!view) return this.#parts.composer.focus();
    view.node.tabIndex = -1;
    view.node.focus({ preventScroll: true });
  }

  /** Several changes of one moment are drawn once. */
  #drawSoon() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    this.#transcript.show(this.#shown);
    this.#parts.composer.setBusy(this.#shown.busy);
    this.dispatchEvent(new Event('changed'));
  }
}
