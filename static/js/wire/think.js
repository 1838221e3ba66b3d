//! Parts a model's reasoning from its answer when it comes inside the text, as `<think>…</think>`.
//!
//! Only a tag that opens the answer counts (white space before it aside): later ones are quoted text. Tags may be
//! cut anywhere by the stream, so what could still become a tag is held back until it is known.

const OPEN = /^\s*<(think|thinking|thought)>/;
const COULD_OPEN = /^\s*(<[a-z]{0,8})?$/;

/** @typedef {{type: 'thinking' | 'text', text: string}} Part */

export class ThinkSplitter {
  /** @type {'start' | 'inside' | 'after' | 'plain'} */
  #state = 'start';
  #held = '';
  #close = '';

  /**
   * @param {string} text
   * @returns {Part[]}
   */
  push(text) {
    this.#held += text;
    return this.#take(false);
  }

  /** @returns {Part[]} what was held back, now that nothing follows */
  end() {
    return this.#take(true);
  }

  /**
   * @param {boolean} last
   * @returns {Part[]}
   */
  #take(last) {
    if (this.#state === 'start') {
      const open = OPEN.exec(this.#held);
      if (open) {
        this.#state = 'inside';
        this.#close = `</${open[1]}>`;
        this.#held = this.#held.slice(open[0].length);
      } else if (last || !COULD_OPEN.test(this.#held)) {
        this.#state = 'plain';
      } else {
        return [];
      }
    }
    if (this.#state === 'inside') return this.#inside(last);
    if (this.#state === 'after') {
      this.#held = this.#held.trimStart();
      if (this.#held !== '') this.#state = 'plain';
    }
    return this.#out('text', this.#held.length);
  }

  /**
   * @param {boolean} last
   * @returns {Part[]}
   */
  #inside(last) {
    const end = this.#held.indexOf(this.#close);
    if (end < 0) return this.#out('thinking', last ? this.#held.length : safeLength(this.#held, this.#close));
    const thinking = this.#out('thinking', end);
    this.#held = this.#held.slice(this.#close.length);
    this.#state = 'after';
    return [...thinking, ...this.#take(last)];
  }

  /**
   * @param {Part['type']} type
   * @param {number} length
   * @returns {Part[]}
   */
  #out(type, length) {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text === '' ? [] : [{ type, text }];
  }
}

/**
 * How much of `text` cannot be the beginning of `tag`.
 * @param {string} text
 * @param {string} tag
 */
function safeLength(text, tag) {
  for (let size = Math.min(tag.length - 1, text.length); size > 0; size--) {
    if (text.endsWith(tag.slice(0, size))) return text.length - size;
  }
  return text.length;
}
