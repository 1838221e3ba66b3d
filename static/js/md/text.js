//! The text of an answer on the page, growing or whole: plain paragraphs as long as it is no more, then Markdown.

import { el, style } from '../dom.js';
import { drawPlain, isPlain, PlainText } from './plain.js';

/** @typedef {import('./stream.js').StreamRenderer} StreamRenderer */

/** @type {Promise<typeof import('./stream.js') | null> | undefined} */
let renderer;

/** The Markdown renderer, which the first sign of Markdown needs. Without a network there is none; the next answer tries again. */
export function loadMarkdown() {
  return (renderer ??= Promise.all([import('./stream.js'), style('/css/md.css')]).then(
    ([module]) => module,
    () => {
      renderer = undefined;
      return null;
    },
  ));
}

/**
 * Draws a text that does not grow.
 * @param {HTMLElement} root
 * @param {string} text
 */
export async function drawText(root, text) {
  if (isPlain(text)) return drawPlain(root, text);
  const markdown = await loadMarkdown();
  if (markdown) markdown.drawWhole(root, text);
  else root.replaceChildren(raw(text));
}

/** Markdown as it is written. @param {string} text */
const raw = (text) => el('div', { class: 'plain' }, text);

export class GrowingText {
  #root;
  #onDrawn;
  #plain;
  /** What is shown while the renderer is on its way, and for good where it cannot be had. */
  #raw = { text: '', node: raw('') };
  /** @type {StreamRenderer | undefined} */
  #markdown;
  /** @type {Promise<void> | undefined} */
  #loading;
  #waiting = '';
  #frame = 0;

  /**
   * @param {HTMLElement} root filled from its end
   * @param {() => void} onDrawn after every drawing
   */
  constructor(root, onDrawn) {
    this.#root = root;
    this.#onDrawn = onDrawn;
    this.#plain = new PlainText(root);
  }

  /** @param {string} text */
  push(text) {
    if (this.#markdown) return this.#markdown.push(text);
    this.#waiting += text;
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  /** Nothing follows. Resolves when all of it is drawn. */
  async finish() {
    this.#flush();
    await this.#loading;
    if (this.#markdown) this.#markdown.finish();
    else if (!this.#loading) this.#plain.finish();
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const text = this.#waiting;
    this.#waiting = '';
    if (text === '') return;
    if (!this.#loading && isPlain(this.#plain.text + text)) {
      this.#plain.push(text);
    } else {
      this.#loading ??= this.#change();
      this.#raw.text += text;
      this.#raw.node.append(text);
    }
    this.#onDrawn();
  }

  /** The paragraphs that stand are what Markdown makes of them; the open one is drawn anew. */
  async #change() {
    const { text } = this.#plain;
    const parts = this.#plain.hand();
    this.#raw.text = text;
    this.#raw.node.append(text);
    this.#root.append(this.#raw.node);
    const markdown = await loadMarkdown();
    if (!markdown) return;
    this.#raw.node.remove();
    this.#markdown = new markdown.StreamRenderer(this.#root, this.#onDrawn, parts);
    this.#markdown.push(this.#raw.text + this.#waiting);
    this.#waiting = '';
    this.#markdown.flush();
  }
}
