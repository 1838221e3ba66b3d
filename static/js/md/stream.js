//! A Markdown text that grows on the page: settled blocks, and behind them the open tail.
//!
//! Text is taken at any rate and drawn once a frame. A settled node is never replaced, so a selection in it
//! survives. (One exception, at the end: link definitions, see `blocks.js`.)

import { BlockCutter } from './blocks.js';
import { renderMarkdown } from './render.js';
import { Tail } from './tail.js';

export class StreamRenderer {
  #root;
  #onDrawn;
  #cutter = new BlockCutter();
  #tail = new Tail();
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
      const settled = document.createDocumentFragment();
      for (const block of blocks) settled.append(rendered(block));
      const tail = new Tail();
      tail.write(this.#cutter.tail);
      settled.append(tail.root);
      this.#tail.root.replaceWith(settled);
      this.#tail = tail;
    }
    this.#onDrawn();
  }

  /** Settles the rest: nothing follows. */
  finish() {
    this.flush();
    const last = this.#cutter.finish();
    if (this.#cutter.hasDefinition) this.#root.replaceChildren(rendered(this.#whole));
    else this.#tail.root.replaceWith(rendered(last));
    this.#onDrawn();
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
