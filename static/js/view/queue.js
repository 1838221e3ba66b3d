//! The line, as everybody sees it: active / max and how many wait.
//!
//! One poller: every second while this page waits, every 5 s else, not at all while the tab is hidden. A
//! waiting answer's own heartbeats carry the same numbers and are shown as they come. What cannot be read is
//! shown as unknown, never as the last value.

import { json } from '../wire/api.js';
import { byId, el } from '../dom.js';
import { t } from '../i18n.js';

const WAITING_MS = 1_000;
const IDLE_MS = 5_000;
/** More slots than this are a number, not dots. */
const DOTS = 8;

/** @typedef {{active: number, queued: number, max: number}} Line */

export class QueueIndicator {
  /** @type {() => boolean} */
  #waiting;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {() => boolean} waiting whether an answer of this page is on its way */
  constructor(waiting) {
    this.#waiting = waiting;
    document.addEventListener('visibilitychange', () => this.poke());
  }

  /** Looks now, and from then on at the pace of the moment. */
  poke() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    this.#poll();
  }

  async #poll() {
    const status = await json('/api/queue-status').catch(() => null);
    this.show(status && lineOf(status));
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => this.#poll(), this.#waiting() ? WAITING_MS : IDLE_MS);
  }

  /** @param {Line | null} line */
  show(line) {
    const root = byId('queue');
    root.dataset.known = String(line !== null);
    root.dataset.full = String(line !== null && line.active >= line.max);
    byId('queue-active').textContent = line ? `${line.active} / ${line.max}` : '– / –';
    const queued = byId('queue-queued');
    queued.hidden = !line || line.queued === 0;
    queued.textContent = line ? t('queue.waiting', { n: line.queued }) : '';
    const sentence = line ? t('queue.label', { ...line }) : t('queue.unknown');
    root.title = sentence;
    byId('queue-sentence').textContent = sentence;
    byId('queue-words').textContent = line ? t('queue.running') : t('queue.unknown');
    drawDots(line);
    const now = byId('empty-now');
    now.hidden = !line || line.max === 0; // no server of a model is there
    now.textContent = line ? nowText(line) : '';
    now.toggleAttribute('data-busy', line !== null && isFull(line));
  }
}

/** Who comes now stands behind those who wait. @param {Line} line */
const isFull = ({ active, queued, max }) => active >= max || queued > 0;

/** @param {Line} line what it means for somebody who has not asked yet */
const nowText = (line) => (isFull(line) ? t('queue.now_busy', { next: line.queued + 1 }) : t('queue.now_free'));

/**
 * @param {any} status the answer of `/api/queue-status`
 * @returns {Line | null}
 */
export function lineOf(status) {
  const { activeRequests: active, queuedRequests: queued, maxConcurrent: max } = status;
  return [active, queued, max].every(Number.isFinite) ? { active, queued, max } : null;
}

/** @param {Line | null} line */
function drawDots(line) {
  const dots = byId('queue-dots');
  const count = line && line.max <= DOTS ? line.max : 0;
  while (dots.childElementCount > count) dots.lastElementChild?.remove();
  while (dots.childElementCount < count) dots.append(el('i'));
  Array.from(dots.children, (dot, index) => dot.toggleAttribute('data-on', index < (line?.active ?? 0)));
}

/**
 * The sentence for somebody who waits.
 * @param {import('../wire/answer.js').Place} place
 */
export function placeText(place) {
  const parts = [
    t('place.in_line', { position: place.position, queued: Math.max(place.queued ?? 0, place.position) }),
    t('place.running', { active: place.active, max: place.max }),
  ];
  return parts.join(' · ');
}
