//! Paragraphs without Markdown. Most short answers are no more than that; they need no parser, and none is loaded.
//!
//! Whatever could mean something in Markdown is not plain here, so that `marked` makes the same of what is. (A test
//! compares the two.)

import { Parts } from './parts.js';

/** A sign that may mean something wherever it stands; the beginning of an address; spaces that Markdown takes away. */
const MARKUP = /[*_`[\]<>~$&\\|@#\t\r\u2028\u2029]|:\/\/|www\.|[^\S\n]\n|\n[^\S\n]|^\s/;
/** How a line of a plain paragraph may begin: nothing that opens a list, a heading, a rule or an indented block. */
const LINE = /^(?!\d{1,9}[.)](?:\s|$))[\p{L}\p{N}"'“”„‘’‚«»(¿¡…€£%]/u;

/** @param {string} text @returns {boolean} */
export const isPlain = (text) => !MARKUP.test(text) && text.split('\n').every((line) => line === '' || LINE.test(line));

/**
 * Draws a text that does not grow.
 * @param {HTMLElement} root
 * @param {string} text
 */
export function drawPlain(root, text) {
  root.replaceChildren(...paragraphs(text).map(paragraph));
}

export class PlainText {
  #root;
  #parts;
  /** The paragraph that may still grow. */
  #open = document.createElement('p');
  /** Its words. */
  text = '';

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#parts = new Parts(root);
    root.append(this.#open);
  }

  /** @param {string} text */
  push(text) {
    this.text += text;
    const settled = this.text.split(/\n{2,}(?=[^\n])/);
    this.text = settled.pop() ?? '';
    for (const words of settled) {
      fill(this.#open, words);
      const next = document.createElement('p');
      this.#root.append(next);
      this.#parts.add(this.#open, next);
      this.#open = next;
    }
    fill(this.#open, withoutEnd(this.text));
  }

  /** Takes the open paragraph off the page: somebody else draws it. @returns {Parts} where the others stand */
  hand() {
    this.#open.remove();
    return this.#parts;
  }

  /** Nothing follows. */
  finish() {
    if (this.text.trim() === '') this.#open.remove();
    else this.#parts.add(this.#open, null);
  }
}

/** @param {string} text */
const paragraphs = (text) => text.split(/\n{2,}/).filter((words) => words.trim() !== '');

/** @param {string} words */
const withoutEnd = (words) => words.replace(/\n+$/, '');

/** @param {string} words */
function paragraph(words) {
  const node = document.createElement('p');
  fill(node, withoutEnd(words));
  return node;
}

/**
 * Words and line breaks; what is there already stays.
 * @param {HTMLElement} node
 * @param {string} words
 */
function fill(node, words) {
  const lines = words.split('\n');
  const last = node.lastChild;
  if (lines.length === 1 && last instanceof Text && last === node.firstChild && words.startsWith(last.data)) {
    last.appendData(words.slice(last.data.length));
    return;
  }
  if (words === '') return node.replaceChildren();
  node.replaceChildren(...lines.flatMap((line, index) => (index > 0 ? [document.createElement('br'), line] : [line])));
}
