//! The list of conversations: open, new, rename, delete, search.

import { newChat, titleOf } from '../state/chat.js';
import { ask } from './dialogs.js';
import { byId, find, fromTemplate } from '../dom.js';
import { apply, t } from '../i18n.js';
import { saveSetting, setting } from '../state/settings.js';
import { setTitle } from './title.js';

/** @typedef {import('../state/store.js').Meta} Meta */

export class ChatList {
  #store;
  #conversation;
  #models;
  #list = byId('chat-list');
  /** What the list shows. */
  #drawn = '';
  #search = /** @type {HTMLInputElement} */ (byId('chat-search'));

  /**
   * @param {import('../state/store.js').Store} store
   * @param {import('./conversation.js').Conversation} conversation
   * @param {import('./models.js').ModelPicker} models
   */
  constructor(store, conversation, models) {
    this.#store = store;
    this.#conversation = conversation;
    this.#models = models;
    byId('new-chat').addEventListener('click', () => this.open(''));
    this.#search.addEventListener('input', () => this.draw());
    this.#list.addEventListener('click', (event) => this.#onClick(/** @type {Element} */ (event.target)));
    conversation.addEventListener('saved', () => this.#onSaved());
    store.addEventListener('changed', (event) => this.#onOtherTab(/** @type {CustomEvent<string>} */ (event).detail));
    window.addEventListener('hashchange', () => this.open(location.hash.slice(1)));
    bindSidebar();
  }

  /** Shows a stored conversation, or a new one where there is none of that id. @param {string} id */
  async open(id) {
    if (id === this.#conversation.chat.id) return;
    const stored = id ? await this.#store.load(id) : undefined;
    this.#conversation.show(stored ?? newChat(Date.now(), this.#models.preferred));
    this.#showPlace();
    closeDrawer();
    if (matchMedia('(pointer: fine)').matches) byId('composer-text').focus({ preventScroll: true });
    await this.draw();
  }

  async draw() {
    const query = this.#search.value.trim().toLowerCase();
    const metas = query ? await this.#matches(query) : await this.#store.list();
    if (query !== this.#search.value.trim().toLowerCase()) return;
    this.#drawItems(metas);
    const none = byId('chat-none');
    none.hidden = metas.length > 0;
    none.textContent = t(query ? 'chats.none_found' : 'chats.none');
  }

  /**
   * What is drawn already stays, and with it a click that has begun; else the focus goes to what had it.
   * @param {Meta[]} metas
   */
  #drawItems(metas) {
    const drawn = JSON.stringify([this.#conversation.chat.id, metas.map(({ id, title }) => [id, title])]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = this.#list.querySelector(':focus');
    const before = /** @type {HTMLElement | undefined} */ (focused?.parentElement);
    this.#list.replaceChildren(...metas.map((meta) => this.#item(meta)));
    if (!focused || !before) return;
    const after = this.#list.querySelector(`[data-id="${before.dataset.id}"]`);
    const again = after?.children[Array.from(before.children).indexOf(focused)];
    /** @type {HTMLElement | undefined} */ (again)?.focus();
  }

  /** @param {string} query in lower case @returns {Promise<Meta[]>} */
  async #matches(query) {
    const chats = await this.#store.all();
    return chats
      .filter((chat) =>
        [titleOf(chat), ...chat.messages.map(({ content }) => content)].some((text) =>
          text.toLowerCase().includes(query),
        ),
      )
      .map((chat) => ({ id: chat.id, title: titleOf(chat), updated: chat.updated }));
  }

  /** @param {Meta} meta */
  #item({ id, title }) {
    const item = fromTemplate('chat-item');
    const open = find(item, '.chat-open');
    const name = title || t('chats.untitled');
    apply(item);
    item.dataset.id = id;
    open.textContent = name;
    open.title = name;
    for (const button of item.querySelectorAll('[data-action]')) {
      button.setAttribute('aria-label', `${button.getAttribute('aria-label')}: ${name}`);
    }
    if (id === this.#conversation.chat.id) {
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
    if (action === 'rename') void this.#rename(id);
    else if (action === 'remove') void this.#remove(id);
    else if (target.closest('.chat-open')) void this.open(id);
  }

  /** @param {string} id */
  async #rename(id) {
    const chat = this.#held(id) ?? (await this.#store.load(id));
    if (!chat) return;
    const title = await ask({ title: t('chats.rename'), yes: t('action.save'), value: titleOf(chat) });
    if (title === null) return;
    chat.title = title.trim();
    chat.updated = Date.now();
    this.#store.save(chat);
    this.#showPlace();
    await this.draw();
  }

  /** @param {string} id */
  async #remove(id) {
    const yes = await ask({ title: t('chats.delete_ask'), text: t('chats.delete_text'), yes: t('chats.delete') });
    if (yes === null) return;
    if (this.#held(id)) this.#conversation.stop();
    await this.#store.remove(id);
    if (this.#held(id)) await this.open('');
    await this.draw();
  }

  /** @param {string} id @returns {import('../state/chat.js').Chat | undefined} the shown one, which is the live object */
  #held(id) {
    const { chat } = this.#conversation;
    return chat.id === id ? chat : undefined;
  }

  #onSaved() {
    this.#showPlace();
    void this.draw();
  }

  /** @param {string} id */
  async #onOtherTab(id) {
    if (this.#held(id) && !this.#conversation.turn) {
      const stored = await this.#store.load(id);
      if (stored) this.#conversation.refresh(stored);
    }
    await this.draw();
  }

  /** The address names the conversation, the title says what it is about. */
  #showPlace() {
    const { chat } = this.#conversation;
    const title = titleOf(chat);
    history.replaceState(null, '', chat.messages.length > 0 ? `#${chat.id}` : location.pathname);
    setTitle(title);
    byId('chat-title').textContent = title || t('chats.new');
    this.#models.show(chat.model);
  }
}

const NARROW = '(max-width: 760px)';

function bindSidebar() {
  const app = byId('app');
  const show = (/** @type {boolean} */ open) => {
    app.dataset.sidebar = open ? 'open' : 'closed';
    byId('menu').setAttribute('aria-expanded', String(open));
  };
  if (matchMedia(NARROW).matches) show(false);
  else show(setting('sidebar') !== 'closed');
  byId('menu').addEventListener('click', () => {
    const open = app.dataset.sidebar !== 'open';
    show(open);
    if (!matchMedia(NARROW).matches) saveSetting('sidebar', open ? 'open' : 'closed');
    else if (open) byId('sidebar-close').focus();
  });
  byId('sidebar-close').addEventListener('click', closeDrawer);
  byId('scroller').addEventListener('click', closeDrawer);
  byId('sidebar').addEventListener('keydown', (event) => event.key === 'Escape' && closeDrawer());
}

/** On a narrow screen the list lies over the conversation and goes when that is wanted. */
function closeDrawer() {
  if (!matchMedia(NARROW).matches || byId('app').dataset.sidebar !== 'open') return;
  byId('app').dataset.sidebar = 'closed';
  byId('menu').setAttribute('aria-expanded', 'false');
  byId('menu').focus();
}
