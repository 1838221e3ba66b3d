//! The last minutes, as points: what each reading says, and what changed since the one before. Pure.

import { buckets, quantile, total } from './prometheus.js';

/** @typedef {import('./prometheus.js').Sample} Sample */

/**
 * One reading. `queue` is the answer of `/api/queue` (or of `/api/queue-status`, in its words); `samples` of `/metrics`.
 * @typedef {{atMs: number, queue: any, samples: Sample[]}} Reading
 *
 * What is not known is null: a chart shows a gap.
 * @typedef {{
 *   atMs: number, active: number | null, queued: number | null, max: number | null, tokensPerSecond: number | null,
 *   waitSeconds: number | null, firstSeconds: number | null, refusedPerMinute: number | null,
 * }} Point
 */

const TOKENS = /(?<!prompt_)tokens(_generated)?_total$/;
const REFUSED = /(refus|reject|shed)\w*_total$/;
const WAIT = /wait\w*_seconds_bucket$/;
const FIRST = /(first_(token|byte)|ttft)\w*_seconds_bucket$/;

/** Medians are of this many readings: one alone has too few answers. */
const WINDOW = 15;

export class History {
  /** @type {Point[]} */
  points = [];
  /** @type {Reading[]} */
  #readings = [];
  #keepMs;

  /** @param {number} keepMs */
  constructor(keepMs) {
    this.#keepMs = keepMs;
  }

  /** @param {Reading} reading */
  add(reading) {
    const last = this.#readings.at(-1);
    this.#readings.push(reading);
    if (this.#readings.length > WINDOW) this.#readings.shift();
    const first = this.#readings.find(({ samples }) => samples.length > 0) ?? reading;
    this.points.push(pointOf(reading, last, first));
    const oldest = reading.atMs - this.#keepMs;
    while (this.points[0].atMs < oldest) this.points.shift();
  }
}

/**
 * @param {Reading} now
 * @param {Reading | undefined} last
 * @param {Reading} first of the window that could be read: a count since the server began says nothing of now
 * @returns {Point}
 */
function pointOf(now, last, first) {
  const seconds = last ? (now.atMs - last.atMs) / 1000 : 0;
  return {
    atMs: now.atMs,
    active: numeric(now.queue?.active),
    queued: numeric(now.queue?.queued),
    max: numeric(now.queue?.max),
    tokensPerSecond: rate(tokens(last), tokens(now), seconds),
    waitSeconds: median(first, now, WAIT),
    firstSeconds: median(first, now, FIRST),
    refusedPerMinute: rate(last && total(last.samples, REFUSED), total(now.samples, REFUSED), seconds / 60),
  };
}

/** @param {Reading | undefined} reading */
const tokens = (reading) => reading && (numeric(reading.queue?.tokens) ?? total(reading.samples, TOKENS));

/**
 * A counter that fell was started anew: what it shows has come since then.
 * @param {number | undefined} before
 * @param {number | undefined} after
 * @param {number} time
 */
function rate(before, after, time) {
  if (before === undefined || after === undefined || time <= 0) return null;
  return (after >= before ? after - before : after) / time;
}

/** @param {Reading} from @param {Reading} to @param {RegExp} name */
const median = (from, to, name) =>
  from === to ? null : (quantile(buckets(from.samples, name), buckets(to.samples, name), 0.5) ?? null);

/** @param {unknown} value */
const numeric = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);
