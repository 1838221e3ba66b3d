//! A Markdown text that grows on the page: settled blocks, and behind them the open tail.
//!
//! Text is taken at any rate and drawn once a frame. A settled node is never replaced, so a selection in it
//! survives. (One exception, at the end: link definitions, see `blocks.js`.)
//! Blocks stand in parts of 32: the browser lays out a box's children one by one when the last of them changes, so a
//! flat list of a thousand blocks would cost a millisecond per token.

import { el } from '../dom.js';
import { BlockCutter } from './blocks.js';
import { renderMarkdown } from './render.js';
import { Tail } from './tail.js';

const BLOCKS_PER_PART = 32;

/**
 * Draws a text that does not grow, at once.
 * @param {HTMLElement} root
 * @param {string} text
 */
export function drawWhole(root, text) {
  root.replaceChildren(rendered(text.replace(/\r\n?/g, '\n')));
}

export class StreamRenderer {
  #root;
  #onDrawn;
  #cutter = new BlockCutter();
  #tail = new Tail();
  /** @type {HTMLElement | undefined} where the next blocks go */
  #part;
  #waiting = '';
  #whole = '';
  #frame = 0;

  /**
   * @param {HTMLElement} root filled from its end
   * @param {() => void} [onDrawn] after every drawing
   */
  constructor(root, onDrawn = () => {}) {
    this.#root = root;
    this.#onDrawn = onDrawn;
    root.append(this.#tail.root);
  }

  /** @param {string} text */
  push(text) {
    this.#waiting += text;
    this.#whole += text;
    this.#frame ||= requestAnimationFrame(() => this.flush());
  }

  /** Draws what is waiting. */
  flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const text = this.#waiting;
    this.#waiting = '';
    if (text === '') return;
    const before = this.#cutter.tail.length;
    const blocks = this.#cutter.push(text);
    if (blocks.length === 0) {
      this.#tail.write(this.#cutter.tail.slice(before));
    } else {
      for (const block of blocks) this.#settle(block);
      const tail = new Tail();
      tail.write(this.#cutter.tail);
      this.#tail.root.replaceWith(tail.root);
      this.#tail = tail;
    }
    this.#onDrawn();
  }

  /** Settles the rest: nothing follows. */
  finish() {
    this.flush();
    const last = this.#cutter.finish();
    if (last !== '') this.#settle(last);
    this.#tail.root.remove();
    if (this.#cutter.hasDefinition) drawWhole(this.#root, this.#whole);
    this.#onDrawn();
  }

  /** @param {string} block */
  #settle(block) {
    if (!this.#part || this.#part.childElementCount >= BLOCKS_PER_PART) {
      this.#part = el('div', { class: 'part' });
      this.#tail.root.before(this.#part);
    }
    this.#part.append(rendered(block));
  }
}

/**
 * A text that the parser cannot digest is shown as it is.
 * @param {string} source
 */
function rendered(source) {
  try {
    return renderMarkdown(source);
  } catch {
    const plain = document.createElement('p');
    plain.className = 'plain';
    plain.textContent = source;
    return plain;
  }
}
