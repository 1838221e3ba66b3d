//! Where settled blocks stand: in boxes of 32. The browser lays out a box's children one by one when the last of them
//! changes, so a flat list of a thousand blocks would cost a millisecond per token.

import { el } from '../dom.js';

const BLOCKS_PER_PART = 32;

export class Parts {
  #root;
  /** @type {HTMLElement | undefined} */
  #part;

  /** @param {HTMLElement} root filled from its end */
  constructor(root) {
    this.#root = root;
  }

  /**
   * @param {Node} block
   * @param {Node | null} before what stays behind it
   */
  add(block, before) {
    if (!this.#part || this.#part.childElementCount >= BLOCKS_PER_PART) {
      this.#part = el('div', { class: 'part' });
      this.#root.insertBefore(this.#part, before);
    }
    this.#part.append(block);
  }
}
