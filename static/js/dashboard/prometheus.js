//! Reads Prometheus' text form, as far as this page needs it. Pure.
//!
//! Names are looked for by what they say, so that a dashboard outlives a metric that is renamed or absent: what is
//! not there has no value, it is not zero.

/** @typedef {{name: string, labels: Record<string, string>, value: number}} Sample */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * @param {string} text
 * @returns {Sample[]} lines that are not samples are left out
 */
export function parse(text) {
  /** @type {Sample[]} */
  const samples = [];
  for (const line of text.split('\n')) {
    const match = LINE.exec(line.trim());
    if (!match) continue;
    const [, name, labels = '', value] = match;
    samples.push({ name, labels: labelsOf(labels), value: numberOf(value) });
  }
  return samples;
}

/**
 * The sum over all samples of the names that match; undefined when there is none.
 * @param {Sample[]} samples
 * @param {RegExp} name
 * @returns {number | undefined}
 */
export function total(samples, name) {
  const values = samples.filter((sample) => name.test(sample.name)).map(({ value }) => value);
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) : undefined;
}

/**
 * The buckets of a histogram, summed over its other labels: upper bound → count of values up to it.
 * @param {Sample[]} samples
 * @param {RegExp} name of the `_bucket` samples
 * @returns {Map<number, number>}
 */
export function buckets(samples, name) {
  /** @type {Map<number, number>} */
  const found = new Map();
  for (const sample of samples) {
    if (!name.test(sample.name) || sample.labels.le === undefined) continue;
    const bound = numberOf(sample.labels.le);
    found.set(bound, (found.get(bound) ?? 0) + sample.value);
  }
  return found;
}

/**
 * The quantile of what came between two readings of a histogram, by linear interpolation in its bucket.
 * @param {Map<number, number>} before
 * @param {Map<number, number>} after
 * @param {number} q 0 to 1
 * @returns {number | undefined} undefined when nothing came
 */
export function quantile(before, after, q) {
  const bounds = Array.from(after.keys()).sort((a, b) => a - b);
  const counts = bounds.map((bound) => Math.max(0, (after.get(bound) ?? 0) - (before.get(bound) ?? 0)));
  const all = counts.at(-1) ?? 0;
  if (all === 0) return undefined;
  const wanted = q * all;
  const at = counts.findIndex((count) => count >= wanted);
  const [low, below] = at > 0 ? [bounds[at - 1], counts[at - 1]] : [0, 0];
  if (bounds[at] === Infinity || counts[at] === below) return low;
  return low + ((bounds[at] - low) * (wanted - below)) / (counts[at] - below);
}

/** @param {string} text */
const labelsOf = (text) =>
  Object.fromEntries(
    Array.from(text.matchAll(LABEL), ([, name, value]) => [name, value.replace(/\\n/g, '\n').replace(/\\(.)/g, '$1')]),
  );

/** @param {string} text */
const numberOf = (text) => (/^\+?Inf$/i.test(text) ? Infinity : Number(text));
