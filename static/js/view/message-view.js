//! One message on the page: a question, or an answer with its thinking, state, error card and actions.

import { el, find, fromTemplate } from '../dom.js';
import { WAYS } from '../wire/errors.js';
import { apply, has, number, t } from '../i18n.js';
import { speedOf } from '../state/chat.js';
import * as plain from '../md/plain.js';
import { placeText } from './queue.js';
import { isBusy } from '../state/turn-state.js';

/** @typedef {import('../state/chat.js').Message} Message */
/** @typedef {import('../state/turn.js').Turn} Turn */

/** "Loading the model…" instead of "Waiting for the first word…" after this. */
const LOADING_AFTER_MS = 2_000;

/** @type {Promise<typeof import('../md/stream.js') | typeof plain> | undefined} */
let renderer;

/** The Markdown renderer is not needed for the first paint. Without a network plain text does; the next one tries again. */
export const loadMarkdown = () =>
  (renderer ??= import('../md/stream.js').catch(() => {
    renderer = undefined;
    return plain;
  }));

export class MessageView {
  /** @type {HTMLElement} */
  node;
  message;
  #onDrawn;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #listening = new AbortController();

  /**
   * @param {Message} message
   * @param {() => void} [onDrawn] the view may have grown
   */
  constructor(message, onDrawn = () => {}) {
    this.message = message;
    this.#onDrawn = onDrawn;
    this.node = fromTemplate(message.role === 'user' ? 'user-message' : 'assistant-message');
    apply(this.node);
    this.node.dataset.id = message.id;
    if (message.role === 'user') this.#drawUser();
  }

  /** A finished answer, whole. */
  async drawAnswer() {
    const { drawWhole } = await loadMarkdown();
    drawWhole(this.#part('thinking'), this.message.thinking ?? '');
    drawWhole(this.#part('text'), this.message.content);
    this.#drawEnd(null);
    this.#onDrawn();
  }

  /**
   * An answer on its way. What the turn has so far is drawn first.
   * @param {Turn} turn
   */
  async follow(turn) {
    const { signal } = this.#listening;
    this.node.setAttribute('aria-busy', 'true');
    this.#drawState(turn);
    turn.addEventListener('change', () => this.#drawState(turn), { signal });
    this.#ticker = setInterval(() => this.#drawState(turn), 500);
    const { StreamRenderer } = await loadMarkdown();
    if (signal.aborted) return;
    const draw = (/** @type {'text' | 'thinking'} */ type) => {
      const renderer = new StreamRenderer(this.#part(type), this.#onDrawn);
      renderer.push((type === 'text' ? this.message.content : this.message.thinking) ?? '');
      turn.addEventListener(type, (event) => renderer.push(/** @type {CustomEvent<string>} */ (event).detail), {
        signal,
      });
      return renderer;
    };
    const renderers = [draw('thinking'), draw('text')];
    const end = () => {
      clearInterval(this.#ticker);
      for (const renderer of renderers) renderer.finish();
      this.node.removeAttribute('aria-busy');
      this.#drawEnd(turn.error);
      this.#onDrawn();
    };
    if (isBusy(turn.state)) turn.addEventListener('change', () => isBusy(turn.state) || end(), { signal });
    else end();
  }

  /** Takes the view off the page; the turn, if any, goes on without it. */
  dispose() {
    clearInterval(this.#ticker);
    this.#listening.abort();
    this.node.remove();
  }

  /**
   * Shows why something failed under an answer that it leaves in place.
   * @param {import('../wire/errors.js').ApiError} error
   * @param {string} [action] of the card's button
   */
  showError(error, action) {
    this.#drawCard(error.code, error.detail, error.retryAfterMs, action);
  }

  #drawUser() {
    find(this.node, '.text').textContent = this.message.content;
    const images = find(this.node, '.images');
    images.hidden = !this.message.images?.length;
    for (const data of this.message.images ?? []) {
      images.append(el('img', { src: `data:image/*;base64,${data}`, alt: t('message.image') }));
    }
  }

  /** @param {'thinking' | 'text'} type */
  #part(type) {
    return find(this.node, type === 'text' ? '.text' : '.thinking-text');
  }

  /** @param {Turn} turn */
  #drawState(turn) {
    if (isBusy(turn.state)) this.node.dataset.state = turn.state; // an end is shown with its last word
    const line = find(this.node, '.pending');
    const text = pendingText(turn);
    line.hidden = text === '';
    if (find(line, '.pending-text').textContent !== text) find(line, '.pending-text').textContent = text;
    find(line, '[data-action=cancel]').hidden = turn.state !== 'queued';
    drawPlaces(find(line, '.places'), turn.state === 'queued' ? turn.place : null);
    this.#drawThinking(turn.state === 'thinking');
    const live = find(this.node, '.stats');
    const seconds = (performance.now() - turn.firstTokenAt) / 1000;
    live.textContent =
      turn.pieces > 4 && isBusy(turn.state) && seconds > 0.5
        ? t('stats.speed', { speed: number(turn.pieces / seconds, { maximumFractionDigits: 1 }) })
        : '';
  }

  /** Open while the model thinks, closed by the answer, unless the reader has said otherwise. @param {boolean} open */
  #drawThinking(open) {
    const box = /** @type {HTMLDetailsElement} */ (find(this.node, '.thinking'));
    box.hidden = !this.message.thinking;
    if (box.dataset.touched === undefined && box.open !== open) box.open = open;
  }

  /** @param {import('../wire/errors.js').ApiError | null} error */
  #drawEnd(error) {
    // Without a state the page went away in the middle.
    const { state = 'interrupted', stats } = this.message;
    const failure = this.message.error ?? (state === 'interrupted' ? { code: 'interrupted', detail: '' } : null);
    this.node.dataset.state = state;
    find(this.node, '.pending').hidden = true;
    this.#drawThinking(false);
    find(this.node, '.stats').textContent = statsText(stats);
    const mark = find(this.node, '.mark');
    mark.hidden = state !== 'stopped';
    mark.textContent = state === 'stopped' ? t('message.stopped') : '';
    find(this.node, '[data-action=continue]').hidden = state === 'done' || this.message.content === '';
    if (failure) this.#drawCard(failure.code, failure.detail, error?.retryAfterMs ?? 0);
  }

  /**
   * @param {string} code
   * @param {string} detail
   * @param {number} retryAfterMs
   * @param {string} [action]
   */
  #drawCard(code, detail, retryAfterMs, action = 'retry') {
    this.node.querySelector('.card')?.remove();
    const card = fromTemplate('error-card');
    card.dataset.code = code;
    find(card, '.card-text').textContent = errorText(code, this.message.content !== '');
    find(card, '.card-detail').textContent = detail;
    apply(card);
    find(card, '[data-action=continue]').hidden =
      this.message.content === '' || this.node.dataset.state !== 'interrupted';
    const button = /** @type {HTMLButtonElement} */ (find(card, '.card-way'));
    button.dataset.action = WAYS[code] === 'key' ? 'key' : action;
    button.textContent = t(WAYS[code] === 'key' ? 'action.enter_key' : 'action.try_again');
    if (retryAfterMs > 0) countDown(button, retryAfterMs);
    find(this.node, '.after').before(card);
  }
}

/**
 * @param {string} code
 * @param {boolean} partial
 */
export function errorText(code, partial) {
  const special = `error.${code}.partial`;
  return partial && has(special) ? t(special) : t(`error.${code}`);
}

/** @param {Turn} turn */
export function pendingText({ state, place, message, modelSince }) {
  if (message.content !== '' && state !== 'queued') return '';
  if (state === 'queued' && place) return placeText(place);
  const slow = performance.now() - modelSince > LOADING_AFTER_MS;
  if (state === 'loading') return t(slow ? 'pending.loading' : 'pending.waiting');
  return state === 'sending' ? t(slow ? 'pending.slow' : 'pending.sending') : '';
}

/** @param {Message['stats']} stats */
function statsText(stats) {
  if (!stats?.tokens) return '';
  const speed = speedOf(stats);
  const parts = [t('stats.tokens', { n: stats.tokens })];
  if (speed) parts.push(t('stats.speed', { speed: number(speed, { maximumFractionDigits: 1 }) }));
  if (stats.firstMs && stats.firstMs >= 100)
    parts.push(t('stats.first', { seconds: number(stats.firstMs / 1000, { maximumFractionDigits: 1 }) }));
  return parts.join(' · ');
}

/**
 * The line as a picture: who runs, who waits before me, me. For the eye only; the sentence beside it says it.
 * @param {HTMLElement} box
 * @param {import('../wire/answer.js').Place | null} place
 */
function drawPlaces(box, place) {
  const count = place ? Math.min(place.position, 12) : 0;
  while (box.childElementCount > count) box.firstElementChild?.remove();
  while (box.childElementCount < count) box.prepend(el('i'));
}

/**
 * @param {HTMLButtonElement} button disabled until then
 * @param {number} ms
 */
function countDown(button, ms) {
  const end = performance.now() + ms;
  const label = button.textContent ?? '';
  button.disabled = true;
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? t('action.try_again_in', { seconds: left }) : label;
    if (left > 0 && button.isConnected) setTimeout(tick, 250);
  };
  queueMicrotask(tick);
}
