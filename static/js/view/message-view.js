//! One message on the page: a question, or an answer with its thinking, state, error card and actions.

import { el, find, fromTemplate } from '../dom.js';
import { apply, number, t } from '../i18n.js';
import { drawText, GrowingText } from '../md/text.js';
import { speedOf } from '../state/chat.js';
import { isBusy } from '../state/turn-state.js';
import { errorCard } from './error-card.js';
import { drawElsewhere, drawPending } from './pending.js';

/** @typedef {import('../state/chat.js').Message} Message */
/** @typedef {import('../state/turn.js').Turn} Turn */
/**
 * What of the conversation concerns a message. `versions`: the ids of all messages in its place; `elsewhere`: whether
 * another tab gets the answer (undefined: not known yet); `refusal`: what was tried on it and not taken.
 * @typedef {{
 *   versions: string[], elsewhere: boolean | undefined, edited: boolean,
 *   refusal: import('../state/conversation.js').Refusal | null,
 * }} Circumstances
 */

export class MessageView {
  /** @type {HTMLElement} */
  node;
  message;
  /** The answer on its way, which is drawn as it comes. */
  turn;
  /** Resolves when it is drawn, as far as it is known. @type {Promise<void>} */
  drawn = Promise.resolve();
  #onDrawn;
  #image;
  /** @type {Circumstances | undefined} */
  #circumstances;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #listening = new AbortController();
  /** What the end was drawn from. @type {unknown[]} */
  #ended = [];

  /**
   * @param {Message} message
   * @param {{turn?: Turn, image: (id: string) => Promise<string | undefined>, onDrawn: () => void}} how
   */
  constructor(message, { turn, image, onDrawn }) {
    this.message = message;
    this.turn = turn;
    this.#onDrawn = onDrawn;
    this.#image = image;
    this.node = fromTemplate(message.role === 'user' ? 'user-message' : 'assistant-message');
    apply(this.node);
    this.node.dataset.id = message.id;
    if (message.role === 'user') void this.#drawUser();
    else if (turn) this.#follow(turn);
    else this.drawn = this.#drawAnswer();
  }

  /** @param {Circumstances} circumstances */
  update(circumstances) {
    this.#circumstances = circumstances;
    this.#drawVersions(circumstances.versions);
    this.node.toggleAttribute('data-edited', circumstances.edited);
    if (this.message.role === 'assistant' && !this.#isGrowing) this.#drawEnd();
  }

  /** Takes the view off the page; the turn, if any, goes on without it. */
  dispose() {
    clearInterval(this.#ticker);
    this.#listening.abort();
    this.node.remove();
  }

  get #isGrowing() {
    return this.turn !== undefined && this.node.hasAttribute('aria-busy');
  }

  /** A finished answer, whole. */
  async #drawAnswer() {
    const { thinking = '', content } = this.message;
    await Promise.all([drawText(this.#part('thinking'), thinking), drawText(this.#part('text'), content)]);
    this.#onDrawn();
  }

  /**
   * An answer on its way. What the turn has so far is drawn first.
   * @param {Turn} turn
   */
  #follow(turn) {
    const { signal } = this.#listening;
    this.node.setAttribute('aria-busy', 'true');
    this.#drawState(turn);
    turn.addEventListener('change', () => this.#drawState(turn), { signal });
    this.#ticker = setInterval(() => this.#drawState(turn), 500);
    const draw = (/** @type {'text' | 'thinking'} */ type) => {
      const renderer = new GrowingText(this.#part(type), this.#onDrawn);
      renderer.push((type === 'text' ? this.message.content : this.message.thinking) ?? '');
      turn.addEventListener(type, (event) => renderer.push(/** @type {CustomEvent<string>} */ (event).detail), {
        signal,
      });
      return renderer;
    };
    const renderers = [draw('thinking'), draw('text')];
    const end = async () => {
      clearInterval(this.#ticker);
      await Promise.all(renderers.map((renderer) => renderer.finish()));
      this.node.removeAttribute('aria-busy');
      this.#drawEnd();
      this.#onDrawn();
    };
    if (isBusy(turn.state)) turn.addEventListener('change', () => isBusy(turn.state) || void end(), { signal });
    else void end();
  }

  async #drawUser() {
    find(this.node, '.text').textContent = this.message.content;
    const images = find(this.node, '.images');
    images.hidden = !this.message.images?.length;
    for (const id of this.message.images ?? []) {
      const image = /** @type {HTMLImageElement} */ (el('img', { alt: t('message.image') }));
      images.append(image);
      const data = await this.#image(id).catch(() => undefined);
      if (data === undefined) image.replaceWith(el('span', { class: 'hint' }, t('message.image_gone')));
      else image.src = `data:image/*;base64,${data}`;
    }
    if (this.message.images?.length) this.#onDrawn();
  }

  /** @param {'thinking' | 'text'} type */
  #part(type) {
    return find(this.node, type === 'text' ? '.text' : '.thinking-text');
  }

  /** @param {string[]} versions */
  #drawVersions(versions) {
    const box = find(this.node, '.versions');
    box.hidden = versions.length < 2;
    if (box.hidden) return;
    const at = versions.indexOf(this.message.id);
    find(box, '.version').textContent = t('message.version', { at: at + 1, of: versions.length });
    const steps = /** @type {const} */ ([
      ['older', versions[at - 1]],
      ['newer', versions[at + 1]],
    ]);
    for (const [name, id] of steps) {
      const button = /** @type {HTMLButtonElement} */ (find(box, `[data-step=${name}]`));
      button.disabled = id === undefined;
      button.dataset.version = id ?? '';
    }
  }

  /** @param {Turn} turn */
  #drawState(turn) {
    if (isBusy(turn.state)) this.node.dataset.state = turn.state; // an end is shown with its last word
    drawPending(find(this.node, '.pending'), turn, this.#onDrawn);
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

  #drawEnd() {
    const { message } = this;
    const { elsewhere, refusal } = this.#circumstances ?? {};
    const now = [message.at, message.state, elsewhere, refusal];
    if (now.every((value, index) => value === this.#ended[index])) return; // a countdown goes on
    this.#ended = now;
    const isElsewhere = message.state === 'running' && elsewhere !== false;
    const state = message.state === 'running' ? 'interrupted' : (message.state ?? 'interrupted');
    this.node.dataset.state = isElsewhere ? 'elsewhere' : state;
    find(this.node, '.pending').hidden = true;
    if (isElsewhere && elsewhere) drawElsewhere(find(this.node, '.pending'));
    this.#drawThinking(isElsewhere && message.content === '');
    find(this.node, '.stats').textContent = statsText(message.stats);
    const model = find(this.node, '.model-name');
    model.hidden = !message.model;
    model.textContent = message.model ?? '';
    const limited = state === 'done' && message.stats?.reason === 'length';
    const mark = find(this.node, '.mark');
    mark.hidden = isElsewhere || !(limited || state === 'stopped');
    mark.textContent = t(limited ? 'message.limited' : 'message.stopped');
    const goesOn = !isElsewhere && (state !== 'done' || limited) && message.content + (message.thinking ?? '') !== '';
    find(this.node, '.actions [data-action=continue]').hidden = !goesOn || state === 'interrupted';
    this.node.querySelector('.card')?.remove();
    if (refusal?.error) this.#addCard(refusal.error, 'try-again', refusal.error.retryAt);
    else if (!isElsewhere) this.#drawFailure(state, goesOn);
  }

  /** @param {string} state @param {boolean} goesOn */
  #drawFailure(state, goesOn) {
    const failure = this.message.error ?? (state === 'interrupted' ? { code: 'interrupted', detail: '' } : null);
    if (!failure) return;
    const card = this.#addCard(failure, 'retry', this.turn?.error?.retryAt);
    find(card, '[data-action=continue]').hidden = !goesOn || state !== 'interrupted';
  }

  /** @param {{code: string, detail: string}} error @param {string} action @param {number} [retryAt] */
  #addCard({ code, detail }, action, retryAt) {
    const partial = this.message.content !== '' && action !== 'try-again';
    const card = errorCard({ code, detail, retryAt, action, partial });
    find(this.node, '.after').before(card);
    return card;
  }
}

/** @param {Message['stats']} stats */
function statsText(stats) {
  if (!stats?.tokens) return '';
  const speed = speedOf(stats);
  const parts = [t('stats.tokens', { n: stats.tokens })];
  if (speed) parts.push(t('stats.speed', { speed: number(speed, { maximumFractionDigits: 1 }) }));
  if (stats.firstMs && stats.firstMs >= 100)
    parts.push(t('stats.first', { seconds: number(stats.firstMs / 1000, { maximumFractionDigits: 1 }) }));
  const { waitedMs = 0, waitedAnswers = 0, waitedModelsMs = 0 } = stats;
  if (waitedMs >= 1_000) parts.push(t('stats.waited', { seconds: Math.round(waitedMs / 1000) }));
  if (waitedAnswers > 0) parts.push(t('stats.waited_answers', { n: waitedAnswers }));
  if (waitedModelsMs >= 500) parts.push(t('stats.waited_models', { seconds: Math.round(waitedModelsMs / 1000) }));
  return parts.join(' · ');
}
