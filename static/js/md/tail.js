//! The block that is still growing. It is drawn by the same parser as a settled one, so what is seen is what will stand;
//! of the nodes that are there only those change that differ.
//!
//! # Cost
//! The whole block is parsed each time. That is nothing for a paragraph; for a block of many kilobytes (a long table)
//! the next drawing waits until the last one is a small part of the time.

import { el } from '../dom.js';
import { morph } from './morph.js';

/** After a drawing of so many milliseconds, `PACE` times that passes until the next. */
const PACE = 8;
/** Drawings shorter than this are for every frame. */
const FREE_MS = 4;
/** One slow drawing (the browser was busy) does not hold up the words. */
const MOST_PAUSE_MS = 250;

export class Tail {
  root = el('div', { class: 'tail' });
  #render;
  #costMs = 0;
  #lastMs = -Infinity;

  /** @param {(source: string) => DocumentFragment} render */
  constructor(render) {
    this.#render = render;
  }

  /** Whether a drawing would take more than its part of the time. */
  get isEarly() {
    const pauseMs = Math.min(this.#costMs * PACE, MOST_PAUSE_MS);
    return this.#costMs > FREE_MS && performance.now() - this.#lastMs < pauseMs;
  }

  /** @param {string} source the whole block */
  draw(source) {
    const start = performance.now();
    morph(this.root, this.#render(source));
    this.#lastMs = performance.now();
    this.#costMs = this.#lastMs - start;
  }
}
