//! Draws the block that is still growing, append-only, by streaming-markdown.
//!
//! It is a preview: what it draws is replaced by marked's rendering once the block is settled. It makes no
//! element that loads anything and no link that is not a plain web address.

import * as smd from '../../vendor/streaming-markdown-0.2.15.js';
import { el } from '../dom.js';
import { isSafeLink, languageOf } from './render.js';

/** Headings as the settled ones: from h3. */
const TAGS = /** @type {Record<number, string>} */ ({
  [smd.HEADING_1]: 'h3',
  [smd.HEADING_2]: 'h4',
  [smd.HEADING_3]: 'h5',
  [smd.HEADING_4]: 'h6',
  [smd.HEADING_5]: 'h6',
  [smd.HEADING_6]: 'h6',
  [smd.STRIKE]: 'del',
  [smd.CHECKBOX]: 'span',
  [smd.IMAGE]: 'span',
  [smd.EQUATION_BLOCK]: 'span',
  [smd.EQUATION_INLINE]: 'span',
});

export class Tail {
  root = el('div', { class: 'tail' });
  #parser = smd.parser(renderer(this.root));

  /** @param {string} text */
  write(text) {
    smd.parser_write(this.#parser, text);
  }
}

/** @param {HTMLElement} root */
function renderer(root) {
  const base = smd.default_renderer(root);
  return {
    ...base,
    /** @param {any} data @param {number} type */
    add_token(data, type) {
      if (type in TAGS) {
        data.nodes[data.index + 1] = data.nodes[data.index].appendChild(el(TAGS[type]));
        data.index += 1;
        if (type === smd.CHECKBOX) data.nodes[data.index].textContent = '☐';
        return;
      }
      base.add_token(data, /** @type {any} */ (type));
    },
    /** One text node grows, instead of one node per piece. @param {any} data @param {string} text */
    add_text(data, text) {
      const last = data.nodes[data.index].lastChild;
      if (last?.nodeType === Node.TEXT_NODE) last.appendData(text);
      else data.nodes[data.index].append(text);
    },
    /** @param {any} data @param {number} type @param {string} value */
    set_attr(data, type, value) {
      const node = data.nodes[data.index];
      if (type === smd.HREF && isSafeLink(value)) {
        node.href = value;
        node.target = '_blank';
        node.rel = 'noopener noreferrer nofollow';
      } else if (type === smd.LANG) {
        node.parentElement.dataset.language = languageOf(value);
      } else if (type === smd.CHECKED) {
        node.textContent = '☑';
      } else if (type === smd.START && /^\d{1,9}$/.test(value)) {
        node.setAttribute('start', value);
      }
    },
  };
}
