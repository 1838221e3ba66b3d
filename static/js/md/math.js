//! Mathematics in an answer: what TeX is in Markdown, and its drawing as MathML. Temml comes with the first formula.
//!
//! `\( … \)`, `\[ … \]`, `$$ … $$`, and `$ … $` where it cannot be a price: no space inside at either end, no letter or
//! digit right before it, and none right behind it. A formula never spans a blank line, so that a block of text that is
//! settled stays one.

import { el } from '../dom.js';
import { scriptURL } from '../trust.js';

const TEMML = '/vendor/temml-0.13.5.js';
/** Longer ones stay as they are written: drawing them would block the page. */
const MOST_CHARS = 5_000;

const BODY = '((?:(?!\\n[ \\t]*\\n|\\n {0,3}(?:```|~~~))[^])+?)';
const BLOCK = new RegExp(`^ {0,3}(?:\\$\\$${BODY}\\$\\$|\\\\\\[${BODY}\\\\\\])[ \\t]*(?:\\n|$)`);
const INLINE = [
  new RegExp(`^\\$\\$${BODY}\\$\\$`),
  new RegExp(`^\\\\\\(${BODY}\\\\\\)`),
  new RegExp(`^\\\\\\[${BODY}\\\\\\]`),
  /^\$(?!\s)((?:\\[^\n]|[^\\\n$])*?[^\s\\$])\$(?![\p{L}\p{N}])/u,
];
const START = /\$|\\\(|\\\[/;
const BEFORE = /[\p{L}\p{N}]$/u;

/** @param {string} tex @param {boolean} display */
const html = (tex, display) => `<span class="${display ? 'math block' : 'math'}">${escape(tex)}</span>`;

/** @param {string} text */
const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What `marked` needs to know of it. @type {any[]} */
export const extensions = [
  {
    name: 'mathBlock',
    level: 'block',
    tokenizer(/** @type {string} */ source) {
      const found = BLOCK.exec(source);
      return found ? { type: 'mathBlock', raw: found[0], text: (found[1] ?? found[2]).trim() } : undefined;
    },
    renderer: (/** @type {any} */ { text }) => `<p>${html(text, true)}</p>\n`,
  },
  {
    name: 'math',
    level: 'inline',
    start: (/** @type {string} */ source) => {
      const at = source.search(START);
      return at < 0 ? undefined : at;
    },
    tokenizer(/** @type {string} */ source, /** @type {any[]} */ before) {
      const index = INLINE.findIndex((pattern) => pattern.test(source));
      if (index < 0 || (index === 3 && BEFORE.test(before.at(-1)?.raw ?? ''))) return undefined;
      const [raw, text] = /** @type {RegExpExecArray} */ (INLINE[index].exec(source));
      return { type: 'math', raw, text: text.trim(), display: index === 0 || index === 2 };
    },
    renderer: (/** @type {any} */ { text, display }) => html(text, display),
  },
];

/** The TeX of what is drawn. @type {WeakMap<Node, string>} */
const drawn = new WeakMap();

/** Whether a node shows the formula that is wanted already. @param {Node} there @param {Node} wanted */
export const isDrawn = (there, wanted) => drawn.has(there) && drawn.get(there) === wanted.textContent;

/** Draws the formulas that are not drawn yet. Nobody need wait for it. @param {ParentNode} root */
export async function drawMath(root) {
  const nodes = Array.from(root.querySelectorAll('.math')).filter((node) => !drawn.has(node));
  if (nodes.length > 0) await draw(nodes);
}

/** @param {Element[]} nodes */
async function draw(nodes) {
  const temml = await load().catch(() => null); // without it the TeX is there
  for (const node of nodes) {
    const tex = node.textContent ?? '';
    if (!temml || drawn.has(node) || tex.length > MOST_CHARS) continue;
    const box = document.createElement('span');
    try {
      temml.render(tex, box, { displayMode: node.classList.contains('block'), throwOnError: true, trust: false });
    } catch {
      continue; // half a formula, or one that Temml does not know
    }
    drawn.set(node, tex);
    node.replaceChildren(...box.childNodes);
  }
}

/** @type {Promise<any> | undefined} */
let temml;

function load() {
  return (temml ??= new Promise((resolve, reject) => {
    const script = /** @type {HTMLScriptElement} */ (el('script'));
    script.src = /** @type {string} */ (scriptURL(TEMML));
    script.onload = () => resolve(/** @type {any} */ (globalThis).temml);
    script.onerror = () => {
      temml = undefined;
      reject(new Error('no network'));
    };
    document.head.append(script);
  }));
}
