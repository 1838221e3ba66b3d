//! Where one types: grows with its text, knows input methods, and gives nothing away before it was taken.
//!
//! Events: `send` (detail: what to send), `stop`, `input` (the draft changed), `edit-end`.

import { byId, el, icon } from '../dom.js';
import { t } from '../i18n.js';

/** @typedef {{text: string, images: string[]}} Draft */

export class Composer extends EventTarget {
  #form = /** @type {HTMLFormElement} */ (byId('composer'));
  #field = /** @type {HTMLTextAreaElement} */ (byId('composer-text'));
  #button = /** @type {HTMLButtonElement} */ (byId('send'));
  #busy = false;
  /** @type {string[]} */
  #images = [];
  /** @type {Draft | null} what was sent and is not taken yet */
  #held = null;
  /** @type {Draft | null} what was being typed when an edit began */
  #aside = null;
  /** Before the page can send: Enter was pressed already. */
  #early = false;
  #opened = false;

  constructor() {
    super();
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.#button.addEventListener('click', (event) => {
      event.preventDefault();
      if (this.#busy) this.dispatchEvent(new Event('stop'));
      else this.submit();
    });
    this.#field.addEventListener('keydown', (event) => this.#onKey(event));
    this.#field.addEventListener('input', () => this.#changed());
    byId('attachments').addEventListener('click', (event) => this.#onRemove(/** @type {Element} */ (event.target)));
    byId('edit-cancel').addEventListener('click', () => this.endEdit());
    this.#fit();
  }

  /** @returns {Draft} */
  get draft() {
    return { text: this.#field.value, images: this.#images };
  }

  /** @returns {string} what a reload should bring back: what is typed, else what is on its way */
  get unsent() {
    return this.#field.value || (this.#held?.text ?? '');
  }

  get editing() {
    return this.#aside !== null;
  }

  /** @param {Draft} draft */
  set(draft) {
    this.#field.value = draft.text;
    this.setImages(draft.images);
    this.#fit();
  }

  /** @param {string[]} images base64 */
  setImages(images) {
    this.#images = images;
    const list = byId('attachments');
    list.hidden = images.length === 0;
    list.replaceChildren(...images.map(thumbnail));
    this.#fit();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  submit() {
    const draft = this.draft;
    if (this.#busy || (draft.text.trim() === '' && draft.images.length === 0)) return;
    this.#early = !this.#opened;
    if (!this.#early) this.dispatchEvent(new CustomEvent('send', { detail: draft }));
  }

  /** The page is ready to send. */
  open() {
    this.#opened = true;
    if (this.#early) this.submit();
  }

  /** The draft is on its way. It comes back by `restore` unless `accepted` comes first. */
  hold() {
    this.#held = this.draft;
    this.set({ text: '', images: [] });
  }

  accepted() {
    this.#held = null;
    this.#aside = null;
    this.#showEdit();
    this.dispatchEvent(new Event('input'));
  }

  /** These very words went out by another way: they need not be sent again. @param {string} text */
  drop(text) {
    if (this.#field.value !== text) return;
    this.set({ text: '', images: [] });
    this.dispatchEvent(new Event('input'));
  }

  /** It was not taken: back it comes, unless something new was typed meanwhile. */
  restore() {
    if (this.#held && this.#field.value === '' && this.#images.length === 0) this.set(this.#held);
    this.#held = null;
    this.dispatchEvent(new Event('input'));
  }

  /** @param {Draft} draft of the message that is edited */
  startEdit(draft) {
    this.#aside ??= this.draft;
    this.set(draft);
    this.#showEdit();
    this.focus();
  }

  endEdit() {
    if (this.#aside) this.set(this.#aside);
    this.#aside = null;
    this.#showEdit();
    this.dispatchEvent(new Event('edit-end'));
    this.focus();
  }

  /** One button, Send or Stop, so that the focus on it stays. @param {boolean} busy */
  setBusy(busy) {
    if (busy === this.#busy) return;
    this.#busy = busy;
    this.#button.dataset.mode = busy ? 'stop' : 'send';
    this.#button.setAttribute('aria-label', t(busy ? 'action.stop' : 'action.send'));
    this.#button.title = t(busy ? 'action.stop' : 'action.send');
    this.#fit();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    // Safari ends a composition before its keydown, which then has the code of an input method: 229.
    if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return;
    const always = event.ctrlKey || event.metaKey;
    const fine = matchMedia('(pointer: fine)').matches;
    if (always || (fine && !event.shiftKey && !event.altKey)) {
      event.preventDefault();
      this.submit();
    }
  }

  /** @param {Element} target */
  #onRemove(target) {
    const index = /** @type {HTMLElement | null} */ (target.closest('[data-remove]'))?.dataset.remove;
    if (index === undefined) return;
    this.setImages(this.#images.filter((_, at) => at !== Number(index)));
    this.focus();
  }

  #changed() {
    this.#fit();
    this.dispatchEvent(new Event('input'));
  }

  /** `field-sizing: content` does it where it exists. */
  #fit() {
    const empty = this.#field.value.trim() === '' && this.#images.length === 0;
    this.#button.toggleAttribute('data-empty', empty && !this.#busy);
    if (CSS.supports('field-sizing', 'content')) return;
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #showEdit() {
    byId('edit-note').hidden = !this.editing;
  }
}

/**
 * @param {string} data
 * @param {number} index
 */
function thumbnail(data, index) {
  const image = el('img', { src: `data:image/*;base64,${data}`, alt: t('message.image') });
  const button = el(
    'button',
    { type: 'button', 'data-remove': String(index), 'aria-label': t('action.remove_image') },
    icon('close'),
  );
  return el('li', {}, image, button);
}
