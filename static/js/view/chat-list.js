//! The list of conversations: open, new, rename, pin, delete, search; and the address that names the one that is shown.

import { byId, el, find, fromTemplate } from '../dom.js';
import { apply, t } from '../i18n.js';
import { isBlank, titleOf } from '../state/chat.js';
import { freshId } from '../state/ids.js';
import { bindSidebar, closeDrawer } from './sidebar.js';
import { setTitle } from './title.js';

/** @typedef {import('../state/store.js').Meta} Meta */
/** @typedef {import('../state/conversation.js').Conversation} Conversation */

/** Where a tab keeps the id of its conversation that has not begun, so that a reload finds what is typed there. */
const FRESH = 'sluice.fresh';
const SEARCH_AFTER_MS = 150;
/** No more often: while version 1's conversations come, the list is another one many times a second. */
const DRAWN_EVERY_MS = 200;

export class ChatList {
  #library;
  #view;
  #models;
  #list = byId('chat-list');
  /** What the list shows, by all that is seen of it. @type {Map<string, Element>} */
  #rows = new Map();
  #search = /** @type {HTMLInputElement} */ (byId('chat-search'));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #opening = 0;
  #drawnAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /**
   * @param {import('../state/library.js').Library} library
   * @param {import('./chat-view.js').ChatView} view
   * @param {import('./models.js').ModelPicker} models
   */
  constructor(library, view, models) {
    this.#library = library;
    this.#view = view;
    this.#models = models;
    byId('new-chat').addEventListener('click', () => this.openNew());
    this.#search.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.draw(), SEARCH_AFTER_MS);
    });
    this.#search.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#search.value !== '') event.stopPropagation(); // it clears the field
    });
    this.#list.addEventListener('click', (event) => this.#onClick(/** @type {Element} */ (event.target)));
    view.addEventListener('changed', () => this.#showPlace());
    library.addEventListener('list', () => this.#drawSoon());
    library.addEventListener('removed', (event) => this.#onRemoved(/** @type {CustomEvent} */ (event).detail));
    window.addEventListener('hashchange', () => this.open(location.hash.slice(1), { isMove: false }));
    bindSidebar();
  }

  /** Call once, when the first conversation is shown. */
  async begin() {
    this.#showPlace();
    if (matchMedia('(pointer: fine)').matches) byId('composer-text').focus({ preventScroll: true });
    await this.draw();
  }

  /** A new conversation: the one that is begun to be typed, or another one where that is shown. */
  async openNew() {
    const { conversation } = this.#view;
    if (!conversation.begun && !isBlank(conversation.record)) forgetFresh();
    await this.open('', { isMove: true });
  }

  /**
   * Shows a conversation, or a new one where there is none of that id.
   * @param {string} id
   * @param {{isMove: boolean}} how whether Back leads to where one was
   */
  async open(id, { isMove }) {
    const turn = ++this.#opening;
    const before = this.#view.conversation;
    const conversation = await conversationAt(id, this.#library, this.#models);
    if (turn !== this.#opening) return; // another one was opened meanwhile
    if (isMove && conversation !== before) history.pushState(null, '', addressOf(conversation));
    if (conversation !== before) this.#view.show(conversation);
    this.#showPlace();
    closeDrawer();
    if (matchMedia('(pointer: fine)').matches) byId('composer-text').focus({ preventScroll: true });
    await this.draw();
  }

  #drawSoon() {
    const waitMs = this.#drawnAt + DRAWN_EVERY_MS - performance.now();
    if (waitMs <= 0) void this.draw();
    else this.#soon ??= setTimeout(() => this.draw(), waitMs);
  }

  async draw() {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#drawnAt = performance.now();
    const query = this.#search.value.trim().toLowerCase();
    const metas = query ? await this.#library.search(query) : this.#library.list;
    if (query !== this.#search.value.trim().toLowerCase()) return;
    const { conversation } = this.#view;
    const shown = metas.filter(({ id, draft }) => !draft || id !== conversation.id); // what is typed here is not yet one
    this.#drawItems(shown);
    const none = byId('chat-none');
    none.hidden = shown.length > 0;
    none.textContent = t(query ? 'chats.none_found' : 'chats.none');
  }

  /**
   * What is drawn already stays, and with it a click that has begun: a year is 400 rows. The focus goes to what had it.
   * @param {Meta[]} metas
   */
  #drawItems(metas) {
    /** @type {Map<string, Element>} */
    const rows = new Map();
    const add = (/** @type {string} */ key, /** @type {() => Element} */ make) =>
      rows.set(key, this.#rows.get(key) ?? make());
    for (const meta of metas) {
      const { id, title, draft, pinned } = meta;
      const group = groupOf(meta);
      add(group, () => el('li', { class: 'chat-group' }, t(group)));
      add(JSON.stringify([id, title, draft, pinned, id === this.#view.conversation.id]), () => this.#item(meta));
    }
    const focused = this.#list.querySelector(':focus');
    const before = /** @type {HTMLElement | undefined} */ (focused?.parentElement);
    const place = before && Array.from(before.children).indexOf(/** @type {Element} */ (focused));
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.remove();
    this.#rows = rows;
    let at = this.#list.firstElementChild;
    for (const row of rows.values()) {
      if (row === at) at = at.nextElementSibling;
      else this.#list.insertBefore(row, at);
    }
    if (!before || place === undefined || document.activeElement === focused) return;
    const after = this.#list.querySelector(`[data-id="${before.dataset.id}"]`);
    /** @type {HTMLElement | undefined} */ (after?.children[place])?.focus();
  }

  /** @param {Meta} meta */
  #item({ id, title, draft, pinned }) {
    const item = fromTemplate('chat-item');
    const open = find(item, '.chat-open');
    const name = title || t('chats.untitled');
    apply(item);
    item.dataset.id = id;
    open.textContent = draft ? t('chats.draft', { title: name }) : name;
    open.title = name;
    item.toggleAttribute('data-draft', draft === true);
    find(item, '[data-action=rename]').hidden = draft === true;
    const pin = find(item, '[data-action=pin]');
    pin.hidden = draft === true;
    pin.setAttribute('aria-pressed', String(pinned === true));
    for (const button of item.querySelectorAll('[data-action]')) {
      button.setAttribute('aria-label', `${button.getAttribute('aria-label')}: ${name}`);
    }
    if (id === this.#view.conversation.id) {
      item.dataset.current = '';
      open.setAttribute('aria-current', 'page');
    }
    return item;
  }

  /** @param {Element} target */
  #onClick(target) {
    const id = /** @type {HTMLElement | null} */ (target.closest('.chat-item'))?.dataset.id;
    if (!id) return;
    const action = /** @type {HTMLElement | null} */ (target.closest('[data-action]'))?.dataset.action;
    if (action) void import('./chat-actions.js').then(({ act }) => act(action, id, this.#library, this.#view, this));
    else if (target.closest('.chat-open')) void this.open(id, { isMove: true });
  }

  /** The shown conversation is gone: what is typed in it goes along into a new one. @param {Conversation} removed */
  async #onRemoved(removed) {
    if (removed.id === freshOf()) forgetFresh();
    if (removed !== this.#view.conversation) return;
    const { text, images, edits } = removed.draft;
    const goesAlong = text !== '' && !edits && images.length === 0;
    if (goesAlong) forgetFresh(); // something may be typed there
    await this.open('', { isMove: false });
    if (goesAlong) this.#view.conversation.fill({ text });
  }

  /** The address names the conversation, the title says what it is about. */
  #showPlace() {
    const { conversation } = this.#view;
    const title = titleOf(conversation.chat);
    if (!conversation.begun) keepFresh(conversation.id);
    else if (conversation.id === freshOf()) forgetFresh();
    if (location.pathname + location.hash !== addressOf(conversation))
      history.replaceState(null, '', addressOf(conversation));
    setTitle(title);
    const heading = title || t('chats.new');
    if (byId('chat-title').textContent !== heading) byId('chat-title').textContent = heading;
    this.#models.show(conversation.chat.model);
  }
}

/**
 * @param {import('../state/library.js').Library} library
 * @param {import('./models.js').ModelPicker} models
 */
export const firstConversation = (library, models) => conversationAt(location.hash.slice(1), library, models);

/**
 * @param {string} id
 * @param {import('../state/library.js').Library} library
 * @param {import('./models.js').ModelPicker} models
 * @returns {Promise<Conversation>} that one, else this tab's conversation that has not begun
 */
async function conversationAt(id, library, models) {
  const named = id ? await library.open(id) : undefined;
  if (named) return named;
  const fresh = freshOf();
  const kept = fresh ? await library.open(fresh) : undefined;
  if (kept && !kept.begun) return kept;
  const conversation = library.fresh(models.preferred, kept || !fresh ? freshId() : fresh);
  keepFresh(conversation.id);
  return conversation;
}

/** The heading under which a conversation stands. @param {Meta} meta */
function groupOf({ pinned, updated }) {
  if (pinned) return 'chats.pinned';
  const days = Math.floor((new Date().setHours(24, 0, 0, 0) - updated) / 86_400_000);
  if (days < 1) return 'chats.today';
  return days < 7 ? 'chats.week' : 'chats.older';
}

/** @param {Conversation} conversation */
const addressOf = ({ begun, id }) => (begun ? `${location.pathname}#${id}` : location.pathname);

/** This page's, where the browser keeps nothing for a tab. */
let freshHere = '';

function freshOf() {
  try {
    return sessionStorage.getItem(FRESH) ?? '';
  } catch {
    return freshHere;
  }
}

/** @param {string} id */
function keepFresh(id) {
  freshHere = id;
  try {
    sessionStorage.setItem(FRESH, id);
  } catch {
    // This page keeps it.
  }
}

const forgetFresh = () => keepFresh('');
