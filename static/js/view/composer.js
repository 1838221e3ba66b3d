//! Where one types: grows with its text, knows input methods, and shows the draft of the conversation.
//!
//! Events: `send`, `stop`.

import { byId, el, icon } from '../dom.js';
import { t } from '../i18n.js';

/** @typedef {import('../state/conversation.js').Conversation} Conversation */

export class Composer extends EventTarget {
  #form = /** @type {HTMLFormElement} */ (byId('composer'));
  #field = /** @type {HTMLTextAreaElement} */ (byId('composer-text'));
  #button = /** @type {HTMLButtonElement} */ (byId('send'));
  #busy = false;
  /** Before the page can send: Enter was pressed already. */
  #early = false;
  /** @type {Conversation | undefined} */
  #conversation;
  #listening = new AbortController();

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
    this.#field.addEventListener('input', () => this.#typed());
    byId('attachments').addEventListener('click', (event) => this.#onRemove(/** @type {Element} */ (event.target)));
    byId('edit-cancel').addEventListener('click', () => this.endEdit());
    this.#fit();
  }

  /** @returns {boolean} whether an earlier question is edited */
  get editing() {
    return this.#conversation?.draft.edits !== '' && this.#conversation !== undefined;
  }

  /** Shows what is typed in a conversation. @param {Conversation} conversation */
  show(conversation) {
    this.#listening.abort();
    this.#listening = new AbortController();
    const first = this.#conversation === undefined;
    const early = this.#field.value;
    this.#conversation = conversation;
    conversation.addEventListener('draft', () => this.#draw(), { signal: this.#listening.signal });
    if (first && early !== '' && early !== conversation.draft.text) {
      // Typed before the page knew what was typed before.
      const { text } = conversation.draft;
      conversation.type({ text: text === '' ? early : `${text}\n\n${early}` });
    }
    this.#say('');
    this.#draw();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  get #isEmpty() {
    return this.#field.value.trim() === '' && !this.#conversation?.draft.images.length;
  }

  submit() {
    if (this.#isEmpty) return;
    if (this.#busy) return this.#say(t('composer.busy'));
    this.#early = this.#conversation === undefined;
    if (!this.#early) this.dispatchEvent(new Event('send'));
  }

  /** The page is ready to send. */
  open() {
    if (this.#early) this.submit();
    this.#early = false;
  }

  endEdit() {
    this.#conversation?.endEdit();
    this.focus();
  }

  /** What is typed in it is shown. */
  get conversation() {
    return this.#conversation;
  }

  /** Words are added below what is typed. @param {string} words @param {Conversation | undefined} [to] */
  append(words, to = this.#conversation) {
    const text = to?.draft.text.trimEnd();
    to?.fill({ text: text ? `${text}\n\n${words}\n\n` : `${words}\n\n` });
    if (to !== this.#conversation) return;
    this.#field.setSelectionRange(this.#field.value.length, this.#field.value.length);
    this.#field.scrollTop = this.#field.scrollHeight;
  }

  /** One button, Send or Stop, so that the focus on it stays. @param {boolean} busy */
  setBusy(busy) {
    if (busy === this.#busy) return;
    this.#say('');
    this.#busy = busy;
    this.#button.dataset.mode = busy ? 'stop' : 'send';
    this.#button.setAttribute('aria-label', t(busy ? 'action.stop' : 'action.send'));
    this.#button.title = t(busy ? 'action.stop' : 'action.send');
    this.#fit();
  }

  #draw() {
    const { draft } = /** @type {Conversation} */ (this.#conversation);
    if (this.#field.value !== draft.text) this.#field.value = draft.text;
    byId('edit-note').hidden = draft.edits === '';
    void this.#drawImages(draft.images);
    this.#fit();
  }

  /** @param {string[]} images */
  async #drawImages(images) {
    const conversation = this.#conversation;
    const list = byId('attachments');
    list.hidden = images.length === 0;
    if (list.dataset.drawn === images.join()) return;
    list.dataset.drawn = images.join();
    const data = await Promise.all(images.map((id) => conversation?.image(id).catch(() => undefined)));
    if (list.dataset.drawn !== images.join()) return;
    list.replaceChildren(...images.map((id, index) => thumbnail(id, data[index] ?? '')));
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
    const id = /** @type {HTMLElement | null} */ (target.closest('[data-remove]'))?.dataset.remove;
    if (id === undefined) return;
    this.#conversation?.detach(id);
    this.#draw();
    this.focus();
  }

  #typed() {
    this.#say('');
    this.#conversation?.type({ text: this.#field.value });
    this.#fit();
  }

  /** @param {string} text */
  #say(text) {
    const note = byId('composer-note');
    if (note.textContent === text) return;
    note.hidden = text === '';
    note.textContent = text;
  }

  /** `field-sizing: content` does it where it exists. */
  #fit() {
    this.#button.toggleAttribute('data-empty', this.#isEmpty && !this.#busy);
    if (CSS.supports('field-sizing', 'content')) return;
    this.#field.style.height = 'auto';
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}

/**
 * @param {string} id
 * @param {string} data
 */
function thumbnail(id, data) {
  const image = el('img', { src: `data:image/*;base64,${data}`, alt: t('message.image') });
  const button = el(
    'button',
    { type: 'button', 'data-remove': id, 'aria-label': t('action.remove_image') },
    icon('close'),
  );
  return el('li', {}, image, button);
}
