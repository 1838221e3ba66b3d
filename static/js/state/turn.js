//! One turn of the model: drives the state machine with the events of an answer and fills the message.
//!
//! A turn lives on when its conversation is not shown. Views listen: `change` (state, place, error),
//! `accepted` (the server took the request), `begun` (before the first piece), `text` and `thinking` (the added piece as
//! `detail`), and `over` last.

import { answer } from '../wire/answer.js';
import { leave } from '../wire/api.js';
import { ApiError } from '../wire/errors.js';
import { isBusy, isPending, step } from './turn-state.js';

/** @typedef {import('./turn-state.js').State} State */
/** @typedef {import("./turn-state.js").Event} Move */
/** @typedef {import('./chat.js').Message} Message */

export class Turn extends EventTarget {
  /** @type {State} */
  state = 'idle';
  /** @type {import('../wire/answer.js').Place | null} */
  place = null;
  /** The place where it began to wait. */
  firstPosition = 0;
  /** Until when the last estimate may hold, `performance.now()`. */
  promisedAt = 0;
  /** @type {ApiError | null} */
  error = null;
  /** When the first token came, `performance.now()`; 0 before. Live speed counts from here. */
  firstTokenAt = 0;
  /** Pieces since the first token: about one per token. */
  pieces = 0;
  /** When it was sent, `performance.now()`. */
  startedAt = 0;
  /** Since when the model is waited for: since it was sent, or since its turn came. */
  modelSince = 0;
  #abort = new AbortController();
  #ticket = '';
  #promisedSeconds = 0;

  /** @param {Message} message the answer to fill; its content may be the beginning of one (continue) */
  constructor(message) {
    super();
    this.message = message;
  }

  /** From now on it can be stopped. */
  begin() {
    this.startedAt = performance.now();
    this.modelSince = this.startedAt;
    this.#move('send');
  }

  /** Runs to the end, whatever the end is. Never rejects. @param {Promise<object>} body */
  async run(body) {
    try {
      for await (const event of answer(await body, this.#abort.signal)) this.#on(event);
    } catch (error) {
      this.#fail(error);
    }
    this.dispatchEvent(new Event('over'));
  }

  /** The page is free at once; the server hears of it by the closed connection and by the ticket. */
  stop() {
    if (!isBusy(this.state)) return;
    this.#move('stop');
    this.#abort.abort();
    this.leave();
  }

  /** The page goes away, and with it the answer: its place need not wait until the server notices. */
  leave() {
    if (this.#ticket) leave(this.#ticket);
  }

  /** @param {import('../wire/answer.js').AnswerEvent} event */
  #on(event) {
    if (!isBusy(this.state)) return;
    switch (event.type) {
      case 'open':
        this.#ticket = event.ticket;
        this.dispatchEvent(new Event('accepted'));
        return this.#move('open');
      case 'place':
        this.#ticket = event.place.ticket ?? this.#ticket;
        this.#place(event.place);
        return this.#move(event.place.position > 0 ? 'wait' : 'load');
      case 'thinking':
      case 'text':
        return this.#grow(event.type, event.text);
      case 'done':
        if (event.model) this.message.model = event.model;
        this.message.stats = { ...event.stats, firstMs: this.message.stats?.firstMs };
        if (this.pieces === 0) return this.#fail(new ApiError('empty'));
        return this.#move('finish');
    }
  }

  /**
   * What was promised at a place holds until the server says a good deal more: an estimate that is put off a second
   * each second is none.
   * @param {import('../wire/answer.js').Place} place
   */
  #place(place) {
    const most = place.etaRange?.[1] ?? (place.etaSeconds ?? 0) * 1.5;
    const moved = place.position !== this.place?.position;
    if (moved || most > this.#promisedSeconds * 1.5) {
      this.promisedAt = performance.now() + most * 1_000;
      this.#promisedSeconds = most;
    }
    this.place = place;
    this.firstPosition = Math.max(this.firstPosition, place.position);
  }

  /**
   * @param {'thinking' | 'text'} type
   * @param {string} text
   */
  #grow(type, text) {
    if (this.pieces === 0) {
      this.firstTokenAt = performance.now();
      this.message.stats = { firstMs: this.firstTokenAt - this.startedAt };
      this.dispatchEvent(new Event('begun'));
    }
    this.pieces += 1;
    if (type === 'text') this.message.content += text;
    else this.message.thinking = (this.message.thinking ?? '') + text;
    this.#move(type === 'text' ? 'text' : 'think');
    this.dispatchEvent(new CustomEvent(type, { detail: text }));
  }

  /** @param {unknown} error */
  #fail(error) {
    if (!isBusy(this.state)) return;
    this.error = error instanceof ApiError ? error : new ApiError('interrupted', { detail: String(error) });
    const { code, detail } = this.error;
    this.message.error = { code, detail };
    this.#move(isPending(this.state) && this.message.content === '' ? 'fail' : 'cut');
  }

  /** @param {Move} event */
  #move(event) {
    const next = step(this.state, event);
    if (this.state === 'queued') this.modelSince = performance.now();
    const same = next === this.state && event !== 'wait';
    this.state = next;
    if (!isBusy(next)) this.message.state = /** @type {import('./chat.js').MessageState} */ (next);
    if (!same) this.dispatchEvent(new Event('change'));
  }
}
