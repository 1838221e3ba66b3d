//! One conversation that is open: its record, what is typed in it, and the answer on its way. The `Library` makes it,
//! and there is one per id, so whoever changes it changes what everybody sees.
//!
//! Events: `changed` (the shown path, the draft or the refusal is another), `turn` (an answer is on its way; it is the
//! detail), `draft` (words were put back into the draft). What has to be written is told to the library.

import { isBusy } from './turn-state.js';
import * as attempts from './attempt.js';
import { afterSending, draftKey, isEmpty, putBack, readDraft, showLeaf, touch } from './chat.js';
import { freshId } from './ids.js';
import { isSame, merge } from './merge.js';
import { requestBody } from './request.js';
import { leafBelow, pathOf, versionsOf } from './tree.js';
import { Turn } from './turn.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Draft} Draft */
/** @typedef {import('./chat.js').Message} Message */
/** @typedef {import('./chat.js').Words} Words */
/** @typedef {import('./attempt.js').Attempt} Attempt */
/** @typedef {import('../wire/errors.js').ApiError} ApiError */
/**
 * What was not taken, until something else is tried. `of` is the answer that it was about, or ''.
 * @typedef {{kind: Attempt['kind'], of: string, error: ApiError | null, model: string}} Refusal
 */
/**
 * @typedef {{
 *   touched: (conversation: Conversation, what: 'chat' | 'draft') => void,
 *   flush: () => Promise<unknown>,
 *   image: (id: string, image: string) => Promise<string | undefined>,
 * }} Keeper
 */

export class Conversation extends EventTarget {
  chat;
  draft;
  /** @type {Turn | null} the latest answer; it may be over */
  turn = null;
  /** @type {Attempt | null} what is on its way */
  attempt = null;
  /** @type {Refusal | null} */
  refusal = null;
  /** Whether another tab gets the answer that is on its way; undefined until it is known. @type {boolean | undefined} */
  elsewhere;
  /** How often what is typed has changed since it was written; 0: the record says the same. */
  draftChanges = 0;
  /** The record of what is typed, as this tab saw it last. */
  seen;
  /** Whether somebody looks at it. */
  watched = false;
  /** Removed conversations are not written. */
  removed = false;
  /** @type {Map<string, string>} images that were added or read, base64 by id */
  images = new Map();
  /** @type {Set<string>} those of them that are not written yet */
  unwritten = new Set();
  #keeper;

  /**
   * @param {Chat} chat
   * @param {Draft | undefined} draft
   * @param {Keeper} keeper
   */
  constructor(chat, draft, keeper) {
    super();
    this.chat = chat;
    this.#keeper = keeper;
    this.draft = readDraft(draft);
    this.seen = draftKey(draft);
  }

  get id() {
    return this.chat.id;
  }

  /** Whether anything was said in it. */
  get begun() {
    return this.chat.messages.length > 0;
  }

  /** @returns {Draft} what is typed, as it is kept */
  get record() {
    const { model, system, think, options } = this.chat;
    return this.begun ? this.draft : { ...this.draft, settings: { model, system, think, options } };
  }

  get busy() {
    return this.turn !== null && isBusy(this.turn.state);
  }

  /** @returns {Message[]} what is shown: the path, and what is on its way */
  get shown() {
    const { attempt, chat } = this;
    if (!attempt || attempt.taken) return pathOf(chat);
    if (attempt.question) return [...attempt.history, attempt.answer];
    const { kind, of, answer } = attempt;
    if (kind === 'again' && attempt.replaces.length > 0) return [...attempt.history, answer];
    const path = pathOf(chat);
    const goesOn = kind === 'resume' && path.some(({ id }) => id === of); // it has the beginning in it
    return goesOn ? path.map((message) => (message.id === of ? answer : message)) : [...path, answer];
  }

  /** @param {string} id @returns {Message | undefined} */
  message(id) {
    return this.chat.messages.find((message) => message.id === id);
  }

  /** @param {string} id @returns {Message[]} */
  versions(id) {
    return versionsOf(this.chat, id);
  }

  /** @param {Partial<Draft>} draft */
  type(draft) {
    Object.assign(this.draft, draft);
    this.draftChanges += 1;
    this.#keeper.touched(this, 'draft');
  }

  /** Words from elsewhere (another page, a prompt) are typed. @param {Partial<Draft>} draft */
  fill(draft) {
    this.type(draft);
    this.#tell('draft');
  }

  /** @param {Partial<Pick<Chat, 'title' | 'model' | 'system' | 'think' | 'options' | 'pinned'>>} settings */
  set(settings) {
    Object.assign(this.chat, settings);
    this.chat.settingsAt = Math.max(Date.now(), this.chat.settingsAt + 1);
    if (!this.begun) this.type({});
    this.changed();
  }

  /** Sends what is typed. */
  send() {
    const { text, images, edits, aside } = this.draft;
    if (this.busy || isEmpty(this.draft)) return;
    const words = { text, images, edits: this.message(edits) ? edits : '' };
    this.type({ ...afterSending(this.draft), sent: words });
    this.#tell('draft');
    this.#run(attempts.ask(this.chat, words, aside, Date.now()), this.chat.model);
  }

  /** Another answer beside this one. @param {string} id @param {string} [model] */
  again(id, model = this.chat.model) {
    if (!this.busy && this.message(id)) this.#run(attempts.again(this.chat, id, Date.now()), model);
  }

  /** The model goes on with an answer that broke off. @param {string} id */
  resume(id) {
    const model = this.message(id)?.model || this.chat.model;
    if (!this.busy && this.message(id)) this.#run(attempts.resume(this.chat, id, Date.now()), model);
  }

  /** Another model is to answer what waits; its place in line is given up. @param {string} model */
  takeModel(model) {
    const { attempt } = this;
    if (!attempt) return;
    this.stop();
    if (attempt.taken) this.again(attempt.answer.id, model);
    else if (attempt.question) this.#run(attempts.ask(this.chat, attempt.words ?? this.draft, null, Date.now()), model);
    else this.again(attempt.of, model);
  }

  /** Once more what was not taken. */
  tryAgain() {
    const { refusal } = this;
    if (!refusal || this.busy) return;
    if (refusal.kind === 'again') this.again(refusal.of, refusal.model);
    else if (refusal.kind === 'resume') this.resume(refusal.of);
    else this.sendUnsent();
  }

  /** Sends what was refused while other words were typed, else what is typed. */
  sendUnsent() {
    const { sent } = this.draft;
    if (!sent) this.send();
    else if (!this.busy) void this.#run(attempts.ask(this.chat, sent, null, Date.now()), this.chat.model);
  }

  /** Gives up what was refused while other words were typed. */
  dropRefused() {
    this.refusal = null;
    this.type({ sent: null });
    this.dispatchEvent(new Event('changed'));
  }

  stop() {
    const { attempt, turn } = this;
    turn?.stop();
    if (attempt && turn) this.#over(attempt, turn);
  }

  /** @param {string} id of a question */
  startEdit(id) {
    const message = this.message(id);
    if (!message || this.busy) return;
    this.type({ text: message.content, images: message.images ?? [], edits: id, aside: this.#putAside() });
    this.#tell('draft');
  }

  endEdit() {
    const { aside } = this.draft;
    this.type({ ...(aside ?? { text: '', images: [] }), edits: '', aside: null });
    this.#tell('draft');
  }

  /** Shows another version, and what followed it. @param {string} id */
  choose(id) {
    showLeaf(this.chat, leafBelow(this.chat, id), Date.now());
    this.changed();
  }

  /** @param {string} id of an image of this conversation */
  async image(id) {
    const data = this.images.get(id) ?? (await this.#keeper.image(this.id, id));
    if (data !== undefined) this.images.set(id, data);
    return data;
  }

  /** @param {Map<string, string>} images of its messages, that are not written yet */
  addImages(images) {
    for (const [id, data] of images) {
      this.images.set(id, data);
      this.unwritten.add(id);
    }
  }

  /** Adds an image to what is typed. @param {string} data base64 */
  attach(data) {
    const id = freshId();
    this.images.set(id, data);
    this.unwritten.add(id);
    this.fill({ images: [...this.draft.images, id] });
  }

  /** An image that is typed is not wanted any more. @param {string} image */
  detach(image) {
    this.type({ images: this.draft.images.filter((one) => one !== image) });
  }

  /** Another tab has typed, and this one has not. @param {Draft | undefined} stored */
  takeInDraft(stored) {
    if (this.draftChanges > 0 || this.attempt?.words) return; // this tab's goes into the record next
    const draft = readDraft(stored);
    if (!this.begun) Object.assign(this.chat, stored?.settings);
    this.seen = draftKey(stored);
    if (JSON.stringify(draft) === JSON.stringify(this.draft)) return;
    this.draft = draft;
    this.#tell('draft');
    this.#tell('changed');
  }

  /** Another tab has typed as well: all of it is kept. @param {Draft} theirs */
  async joinDraft(theirs) {
    const { joined } = await import('./join.js');
    this.fill(joined(JSON.parse(this.seen), JSON.parse(draftKey(theirs)), this.draft));
  }

  /** Another tab's copy, or an imported one. @param {Chat} stored */
  takeIn(stored) {
    const merged = merge(stored, this.chat);
    if (isSame(merged, this.chat)) return;
    const { answer } = this.attempt ?? {};
    if (answer) merged.messages = merged.messages.map((message) => (message.id === answer.id ? answer : message));
    Object.assign(this.chat, merged);
    if (!this.chat.messages.some(({ state }) => state === 'running')) this.elsewhere = undefined;
    this.#tell('changed');
  }

  /** @param {boolean} elsewhere */
  setElsewhere(elsewhere) {
    if (this.elsewhere === elsewhere) return;
    this.elsewhere = elsewhere;
    this.#tell('changed');
  }

  /** Whether an answer of it is on its way that is not of this tab. */
  get unsure() {
    const own = this.busy ? this.attempt?.answer : undefined;
    return this.chat.messages.some((message) => message.state === 'running' && message !== own);
  }

  /** @param {Attempt} attempt @param {string} model */
  async #run(attempt, model) {
    const turn = new Turn(attempt.answer);
    if (model) attempt.answer.model = model;
    this.attempt = attempt;
    this.turn = turn;
    this.refusal = null;
    turn.addEventListener('accepted', () => attempt.question && this.#take(attempt));
    turn.addEventListener('begun', () => attempt.question || this.#take(attempt));
    for (const type of ['text', 'thinking']) turn.addEventListener(type, () => this.#grown(attempt.answer));
    turn.addEventListener('over', () => this.#over(attempt, turn));
    turn.begin();
    this.dispatchEvent(new CustomEvent('turn', { detail: turn }));
    this.#tell('changed');
    void this.#keeper.flush(); // a page that goes away before the answer has the words
    await turn.run(this.#body(attempt, model));
  }

  /** @param {Attempt} attempt @param {string} model */
  async #body({ history }, model) {
    const has = history.some(({ images }) => images);
    const images = has && (await import('./request-images.js')).imagesFor(history, (id) => this.image(id));
    return requestBody(this.chat, history, (await images) || new Map(), model);
  }

  /** @param {Attempt} attempt */
  #take(attempt) {
    attempts.take(this.chat, attempt, Date.now());
    if (attempt.words) this.type({ sent: null });
    this.#tell('draft');
    this.changed();
    void this.#keeper.flush();
  }

  /** @param {Message} answer */
  #grown(answer) {
    touch(answer, Date.now());
    this.chat.updated = Math.max(Date.now(), this.chat.updated);
    this.#keeper.touched(this, 'chat');
  }

  /** @param {Attempt} attempt @param {Turn} turn */
  #over(attempt, turn) {
    if (this.attempt !== attempt) return; // stopped, which ended it at once
    this.attempt = null;
    const { kind, of, answer } = attempt;
    if (attempt.taken) {
      this.#grown(answer);
      this.changed();
    } else {
      if (turn.error) this.refusal = { kind, of, error: turn.error, model: answer.model ?? '' };
      if (attempt.words) this.#putBack(attempt.aside);
      this.#tell('changed');
    }
    void this.#keeper.flush();
  }

  /** @returns {Words} what is typed, and what another edit has put aside already */
  #putAside() {
    const { text, images, edits, aside } = this.draft;
    if (!edits) return { text, images };
    const changed = text !== this.message(edits)?.content;
    const texts = [aside?.text, changed ? text : ''].filter(Boolean);
    return { text: texts.join('\n\n'), images: aside?.images ?? [] };
  }

  /**
   * What was sent and not taken is typed again, unless something else is typed.
   * @param {Words | null} aside what was typed beside it, if it was an edit
   */
  #putBack(aside) {
    const draft = putBack(this.draft, aside);
    if (draft === this.draft) return;
    this.type(draft);
    this.#tell('draft');
  }

  /** What was said is another, or the settings are. */
  changed() {
    this.chat.updated = Math.max(Date.now(), this.chat.updated);
    if (this.begun) this.#keeper.touched(this, 'chat');
    this.#tell('changed');
  }

  /** @param {string} type */
  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
