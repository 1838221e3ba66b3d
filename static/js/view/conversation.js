//! The conversation that is shown, and what one can do with it: send, stop, retry, edit, continue, remove.
//!
//! Words are never lost: a refused prompt comes back, a broken answer stays with a mark, and a retry leaves the
//! old answer where it is until the new one has its first word.

import * as announce from './announce.js';
import { newChat, newMessage, requestBody, truncate } from '../state/chat.js';
import { byId } from '../dom.js';
import { WAYS } from '../wire/errors.js';
import { t } from '../i18n.js';
import { merge } from '../state/merge.js';
import { errorText } from './message-view.js';
import { placeText } from './queue.js';
import { isBusy } from '../state/turn-state.js';
import { Transcript } from './transcript.js';
import { Turn } from '../state/turn.js';

/** @typedef {import('../state/chat.js').Chat} Chat */
/** @typedef {import('../state/chat.js').Message} Message */
/** @typedef {import('./composer.js').Draft} Draft */
/**
 * @typedef {{
 *   store: import('../state/store.js').Store, composer: import('./composer.js').Composer,
 *   health: import('./health.js').HealthBanner, queue: import('./queue.js').QueueIndicator,
 *   scroll: import('./scroll.js').ScrollKeeper, askKey: (resume: () => void) => void,
 * }} Parts
 */

export class Conversation extends EventTarget {
  chat = newChat(Date.now());
  #parts;
  #transcript;
  /** @type {Map<string, Turn>} the answer on its way, by conversation */
  #turns = new Map();
  /** @type {string} the question that is edited, or '' */
  #editing = '';
  #begun = false;

  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this.#parts = parts;
    this.#transcript = new Transcript(parts.scroll);
    parts.composer.addEventListener('send', (event) => this.send(/** @type {CustomEvent<Draft>} */ (event).detail));
    parts.composer.addEventListener('stop', () => this.stop());
    window.addEventListener('pagehide', () => {
      for (const turn of this.#turns.values()) if (isBusy(turn.state)) turn.leave();
    });
    parts.composer.addEventListener('edit-end', () => (this.#editing = ''));
  }

  /** Whether any answer of this page is on its way. */
  get waiting() {
    return Array.from(this.#turns.values()).some((turn) => isBusy(turn.state));
  }

  /** @returns {Turn | undefined} the answer of the shown conversation that is on its way */
  get turn() {
    const turn = this.#turns.get(this.chat.id);
    return turn && isBusy(turn.state) ? turn : undefined;
  }

  /** @param {Chat} chat */
  show(chat) {
    const { composer } = this.#parts;
    if (composer.editing) composer.endEdit();
    if (this.#begun) {
      this.dispatchEvent(new Event('leaving'));
      composer.set({ text: '', images: [] });
    }
    this.#begun = true; // what was typed before belongs to the first
    this.chat = chat;
    this.#transcript.show(chat.messages, this.turn);
    this.#parts.scroll.reset();
    composer.setBusy(this.turn !== undefined);
    this.dispatchEvent(new Event('shown'));
  }

  /** Another tab has changed the shown conversation. @param {Chat} stored */
  refresh(stored) {
    if (this.turn || this.#parts.composer.editing) return;
    Object.assign(this.chat, merge(stored, this.chat));
    this.#transcript.show(this.chat.messages, undefined);
  }

  /** What is typed belongs to this; a conversation that was never saved shares one place. */
  get draftId() {
    return this.chat.messages.length > 0 ? this.chat.id : 'new';
  }

  /** @param {string} model */
  setModel(model) {
    this.chat.model = model;
    this.#saveIfBegun();
  }

  /** @param {Pick<Chat, 'system' | 'think' | 'options'>} settings */
  tune(settings) {
    Object.assign(this.chat, settings);
    this.#saveIfBegun();
  }

  /** @param {string} id @returns {string} a message's text as it was written */
  textOf(id) {
    return this.chat.messages.find((message) => message.id === id)?.content ?? '';
  }

  /** Sends what is typed. */
  submit() {
    this.#parts.composer.submit();
  }

  /** @param {Draft} draft */
  send({ text, images }) {
    if (this.turn) return;
    const { chat } = this;
    const before = { messages: chat.messages.slice(), gone: chat.gone.slice() };
    const edited = this.#editing;
    if (edited)
      truncate(
        chat,
        chat.messages.findIndex(({ id }) => id === edited),
      );
    else dropFailed(chat, text);
    const now = Date.now();
    const question = { ...newMessage('user', text, now), ...(images.length > 0 && { images }) };
    const answer = newMessage('assistant', '', now + 1);
    chat.messages.push(question, answer);
    this.#parts.composer.hold();
    const turn = new Turn(answer);
    this.#start(turn);
    this.#transcript.show(chat.messages, turn);
    turn.addEventListener('accepted', () => {
      this.#editing = '';
      if (this.chat === chat) this.#parts.composer.accepted();
    });
    turn.addEventListener('refused', () => {
      if (edited) Object.assign(chat, before);
      if (this.chat !== chat) return;
      if (edited) this.#transcript.show(chat.messages, undefined);
      if (edited && turn.error) this.#transcript.last?.showError(turn.error, 'resend');
      this.#parts.composer.restore();
    });
    this.#run(turn, chat, chat.messages.slice(0, -1), () =>
      edited ? this.#parts.composer.submit() : this.retry(answer.id),
    );
  }

  /** @param {string} id of the answer to replace */
  retry(id) {
    const { chat } = this;
    const index = chat.messages.findIndex((message) => message.id === id);
    if (this.turn || index < 0) return;
    const old = chat.messages[index];
    const answer = newMessage('assistant', '', old.created);
    const turn = new Turn(answer);
    this.#start(turn);
    const swap = () => {
      if (chat.messages[index] !== old) return;
      truncate(chat, index);
      chat.messages.push(answer);
      if (this.chat === chat) this.#transcript.removeFrom(old.id, answer.id);
    };
    if (old.content === '') swap();
    if (old.content === '') this.#transcript.show(chat.messages, turn);
    else this.#transcript.add(answer, turn);
    turn.addEventListener('accepted', () => this.#parts.composer.drop(chat.messages[index - 1]?.content ?? ''));
    turn.addEventListener('begun', swap);
    turn.addEventListener('over', () => {
      if (chat.messages[index] !== old || this.chat !== chat) return;
      this.#transcript.remove(answer.id);
      if (turn.error) this.#transcript.view(old.id)?.showError(turn.error);
    });
    this.#run(turn, chat, chat.messages.slice(0, index), () => this.retry(chat.messages[index].id));
  }

  /** Asks the model to go on with its own broken answer. @param {string} id */
  resume(id) {
    const { chat } = this;
    const index = chat.messages.findIndex((message) => message.id === id);
    if (this.turn || index < 0) return;
    const answer = chat.messages[index];
    delete answer.state;
    delete answer.error;
    const turn = new Turn(answer);
    this.#start(turn);
    this.#transcript.show(chat.messages, turn);
    this.#run(turn, chat, chat.messages.slice(0, index + 1), () => this.resume(id));
  }

  /** @param {string} id of the question to edit; what follows it goes when the new one is accepted */
  edit(id) {
    const message = this.chat.messages.find((one) => one.id === id);
    if (!message || this.turn) return;
    this.#editing = id;
    this.#parts.composer.startEdit({ text: message.content, images: message.images ?? [] });
  }

  /** @param {string} id */
  remove(id) {
    const index = this.chat.messages.findIndex((message) => message.id === id);
    if (this.turn || index < 0) return;
    this.chat.messages.splice(index, 1);
    this.chat.gone.push(id);
    this.#transcript.remove(id);
    this.#save(this.chat);
  }

  stop() {
    this.turn?.stop();
  }

  /** @param {Turn} turn */
  #start(turn) {
    turn.message.model = this.chat.model;
    this.#turns.set(this.chat.id, turn);
    this.#parts.composer.setBusy(true);
    this.#parts.scroll.pin();
    announce.alert('');
  }

  /**
   * @param {Turn} turn
   * @param {Chat} chat
   * @param {Message[]} history
   * @param {() => void} again what resumes this very request once a key is there
   */
  #run(turn, chat, history, again) {
    this.#save(chat);
    void this.#parts.store.flush();
    turn.addEventListener('begun', () => announce.status(t('status.started')));
    turn.addEventListener('change', () => this.#onChange(turn, chat));
    for (const type of ['text', 'thinking']) turn.addEventListener(type, () => this.#onWord(turn, chat));
    turn.addEventListener('over', () => this.#onOver(turn, chat, again));
    void turn.run(requestBody(chat, history));
    this.#parts.queue.poke();
  }

  /** @param {Turn} turn @param {Chat} chat */
  #onChange(turn, chat) {
    this.dispatchEvent(new CustomEvent('turn', { detail: turn }));
    if (turn.place) this.#parts.queue.show(turn.place);
    if (turn.state === 'queued' && turn.place) announce.place(placeText(turn.place), performance.now());
    if (this.chat === chat) this.#parts.composer.setBusy(isBusy(turn.state));
  }

  /** @param {Turn} turn @param {Chat} chat */
  #onWord(turn, chat) {
    turn.message.at = Date.now();
    this.#touch(chat);
  }

  /** @param {Turn} turn @param {Chat} chat @param {() => void} again */
  #onOver(turn, chat, again) {
    turn.message.at = Math.max(Date.now(), turn.message.at + 1); // later than any form that another tab has
    this.#save(chat);
    void this.#parts.store.flush();
    this.#parts.queue.poke();
    const { error, state } = turn;
    if (error) {
      announce.alert(errorText(error.code, turn.message.content !== ''));
      if (WAYS[error.code] === 'health') void this.#parts.health.check();
      if (WAYS[error.code] === 'key') this.#parts.askKey(again);
    } else {
      announce.status(t(state === 'stopped' ? 'status.stopped' : 'status.done'));
    }
  }

  /** An empty conversation is not worth a record. */
  #saveIfBegun() {
    if (this.chat.messages.length > 0) this.#save(this.chat);
  }

  /** @param {Chat} chat */
  #touch(chat) {
    chat.updated = Date.now();
    this.#parts.store.save(chat);
  }

  /** @param {Chat} chat */
  #save(chat) {
    this.#touch(chat);
    this.dispatchEvent(new Event('saved'));
    byId('empty').hidden = this.chat.messages.length > 0;
  }
}

/**
 * Sending the text of a failed turn again replaces that turn, instead of asking twice.
 * @param {Chat} chat
 * @param {string} text
 */
function dropFailed(chat, text) {
  const [question, answer] = chat.messages.slice(-2);
  const failed = answer?.role === 'assistant' && answer.state === 'error' && answer.content === '';
  if (failed && question.content === text) truncate(chat, chat.messages.length - 2);
}
