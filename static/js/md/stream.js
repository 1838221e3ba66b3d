//! A Markdown text that grows on the page: settled blocks, and behind them the open tail.
//!
//! Text is taken at any rate and drawn once a frame. A settled node is never replaced, so a selection in it
//! survives. (One exception, at the end: link definitions, see `blocks.js`.)

import { BlockCutter } from './blocks.js';
import { Parts } from './parts.js';
import { drawMath } from './math.js';
import { blockTokens, finishCode, newOutline, renderMarkdown } from './render.js';
import { Tail } from './tail.js';

/**
 * Draws a text that does not grow, at once.
 * @param {HTMLElement} root
 * @param {string} text
 */
export function drawWhole(root, text) {
  root.replaceChildren(rendered(text.replace(/\r\n?/g, '\n'), newOutline()));
  finishCode(root);
  void drawMath(root);
}

export class StreamRenderer {
  #root;
  #onDrawn;
  #parts;
  #cutter = new BlockCutter(blockTokens);
  /** Of what is settled. */
  #outline = newOutline();
  /** The same with the tail. */
  #tailOutline = this.#outline;
  #tail = new Tail((source) => {
    this.#tailOutline = { ...this.#outline };
    return rendered(source, this.#tailOutline);
  });
  #waiting = '';
  #whole = '';
  #frame = 0;
  /** Whether the tail has words that are not drawn. */
  #behind = false;

  /**
   * @param {HTMLElement} root filled from its end
   * @param {() => void} [onDrawn] after every drawing
   * @param {Parts} [parts] where blocks stand already
   */
  constructor(root, onDrawn = () => {}, parts = new Parts(root)) {
    this.#root = root;
    this.#onDrawn = onDrawn;
    this.#parts = parts;
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
    if (text === '' && !this.#behind) return;
    for (const block of this.#cutter.push(text)) this.#settle(block);
    this.#behind = this.#cutter.tail !== '' && this.#tail.isEarly;
    if (this.#behind) this.#frame = requestAnimationFrame(() => this.flush());
    else if (this.#cutter.tail !== '') this.#drawTail(this.#cutter.tail);
    this.#onDrawn();
  }

  /** Settles the rest: nothing follows. */
  finish() {
    this.flush();
    cancelAnimationFrame(this.#frame);
    const last = this.#cutter.finish();
    if (last !== '') this.#settle(last);
    this.#tail.root.remove();
    if (this.#cutter.hasDefinition) drawWhole(this.#root, this.#whole);
    this.#onDrawn();
  }

  /** @param {string} source */
  #drawTail(source) {
    this.#tail.draw(source);
    void drawMath(this.#tail.root);
  }

  /** The tail is the block: its nodes stay, and are drawn no more. @param {string} block */
  #settle(block) {
    this.#drawTail(block);
    this.#outline = this.#tailOutline;
    for (const node of Array.from(this.#tail.root.childNodes)) {
      this.#parts.add(node, this.#tail.root);
      if (node instanceof HTMLElement) finishCode(node);
    }
  }
}

/**
 * A text that the parser cannot digest is shown as it is.
 * @param {string} source
 * @param {import('./render.js').Outline} outline
 * @returns {DocumentFragment}
 */
function rendered(source, outline) {
  try {
    return renderMarkdown(source, outline);
  } catch {
    const plain = document.createElement('p');
    plain.className = 'plain';
    plain.textContent = source;
    const fragment = new DocumentFragment();
    fragment.append(plain);
    return fragment;
  }
}
