//! The messages of the shown conversation on the page: the last 60, and the rest when asked for.

import { byId, el } from '../dom.js';
import { apply } from '../i18n.js';
import { loadMarkdown } from '../md/text.js';
import { errorCard } from './error-card.js';
import { MessageView } from './message-view.js';

/** @typedef {import('../state/chat.js').Message} Message */
/** @typedef {import('../state/conversation.js').Conversation} Conversation */

const SHOWN = 60;

export class Transcript {
  #list = byId('transcript');
  #earlier = byId('earlier');
  #scroll;
  /** @type {Map<string, MessageView>} */
  #views = new Map();
  /** @type {Conversation | undefined} */
  #conversation;
  /** Messages before this are not shown. */
  #start = 0;
  /** Whether earlier ones were asked for; then none is folded away again. */
  #unfolded = false;
  /** What was not taken, behind the messages. @type {HTMLElement | undefined} */
  #notice;
  /** @type {unknown[]} */
  #noticed = [];

  /** @param {import('./scroll.js').ScrollKeeper} scroll */
  constructor(scroll) {
    this.#scroll = scroll;
    this.#earlier.addEventListener('click', () => this.#showFrom(this.#start - SHOWN));
    window.addEventListener('beforeprint', () => this.#showFrom(0));
  }

  /** @param {string} id */
  view(id) {
    return this.#views.get(id);
  }

  get last() {
    return Array.from(this.#views.values()).at(-1);
  }

  /**
   * Draws a conversation. Views of messages that are shown already stay as they are.
   * @param {Conversation} conversation
   */
  show(conversation) {
    const messages = conversation.shown;
    if (conversation !== this.#conversation) this.#unfolded = false;
    this.#conversation = conversation;
    const start = Math.max(messages.length - SHOWN, 0);
    this.#start = this.#unfolded ? Math.min(this.#start, start) : start;
    this.#draw(messages.slice(this.#start));
    this.#drawRefusal(conversation);
    this.#earlier.hidden = this.#start === 0;
    if (this.#start > 0) void loadMarkdown(); // printing draws all of it at once
    byId('empty').hidden = messages.length > 0 || this.#notice !== undefined;
    this.#scroll.follow();
  }

  /** @param {Message[]} messages */
  #draw(messages) {
    const wanted = new Set(messages.map(({ id }) => id));
    for (const id of this.#views.keys()) if (!wanted.has(id)) this.#remove(id);
    const views = messages.map((message) => this.#fitting(message) ?? this.#make(message));
    this.#views = new Map(views.map((view) => [view.message.id, view]));
    views.forEach(({ node }, index) => {
      const there = this.#list.children[index];
      if (there !== node) this.#list.insertBefore(node, there ?? null);
    });
    return views;
  }

  /** @param {Message} message @returns {MessageView | undefined} the view of it, if it needs no other */
  #fitting(message) {
    const view = this.#views.get(message.id);
    if (!view) return undefined;
    const turn = this.#turnOf(message);
    if (view.message === message && (view.turn === turn || (view.turn && !turn))) {
      view.update(this.#circumstances(message));
      return view;
    }
    this.#remove(message.id);
    return undefined;
  }

  /** @param {Message} message */
  #make(message) {
    const conversation = /** @type {Conversation} */ (this.#conversation);
    const view = new MessageView(message, {
      turn: this.#turnOf(message),
      image: (id) => conversation.image(id),
      onDrawn: () => this.#scroll.follow(),
    });
    view.update(this.#circumstances(message));
    this.#views.set(message.id, view);
    return view;
  }

  /** @param {Message} message */
  #turnOf(message) {
    const { attempt, turn } = this.#conversation ?? {};
    return attempt?.answer === message && turn ? turn : undefined;
  }

  /** @param {Message} message @returns {import('./message-view.js').Circumstances} */
  #circumstances(message) {
    const conversation = /** @type {Conversation} */ (this.#conversation);
    const { refusal } = conversation;
    return {
      versions: conversation.versions(message.id).map(({ id }) => id),
      elsewhere: conversation.elsewhere,
      refusal: refusal?.of === message.id ? refusal : null,
      edited: conversation.draft.edits === message.id,
    };
  }

  /** What was sent and not taken: its words, where they are not typed again, and why. @param {Conversation} conversation */
  #drawRefusal({ refusal, draft, attempt }) {
    const unsent = draft.sent && !attempt ? draft.sent : null;
    const error = refusal?.of === '' ? refusal.error : null;
    if (this.#notice && unsent === this.#noticed[0] && error === this.#noticed[1]) {
      this.#list.append(this.#notice); // a countdown goes on
      return;
    }
    this.#noticed = [unsent, error];
    this.#notice?.remove();
    this.#notice = undefined;
    if (!unsent && !error) return;
    this.#notice = el('div', { class: 'notice' });
    if (unsent) {
      const text = el('div', { class: 'text', dir: 'auto' });
      text.textContent = unsent.text;
      this.#notice.append(el('div', { class: 'message user unsent' }, el('div', { class: 'bubble' }, text)));
    }
    const card = errorCard({
      code: error?.code ?? 'unsent',
      detail: error?.detail ?? '',
      retryAt: error?.retryAt,
      action: 'try-again',
    });
    if (unsent)
      card
        .querySelector('.row')
        ?.append(el('button', { type: 'button', 'data-action': 'drop', 'data-i18n': 'action.discard' }));
    apply(card);
    this.#notice.append(card);
    this.#list.append(this.#notice);
  }

  /** @param {string} id */
  #remove(id) {
    this.#views.get(id)?.dispose();
    this.#views.delete(id);
  }

  /** Shows earlier messages too. What was seen stays where it was. @param {number} start */
  async #showFrom(start) {
    const conversation = this.#conversation;
    const first = /** @type {HTMLElement | null} */ (this.#list.firstElementChild);
    if (!conversation || !first || this.#start === 0) return;
    const before = first.getBoundingClientRect().top;
    const hadFocus = document.activeElement === this.#earlier;
    this.#unfolded = true;
    this.#start = Math.max(start, 0);
    const views = this.#draw(conversation.shown.slice(this.#start));
    this.#earlier.hidden = this.#start === 0;
    await Promise.all(views.map(({ drawn }) => drawn));
    byId('scroller').scrollTop += first.getBoundingClientRect().top - before;
    if (this.#earlier.hidden && hadFocus) byId('scroller').focus({ preventScroll: true });
  }
}
