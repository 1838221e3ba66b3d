//! Markdown to a safe DOM fragment: marked, then DOMPurify, then the chrome around code and tables.
//!
//! A model's raw HTML is shown as text. Its images become links: nothing is ever loaded from a place that a
//! model names.

import { Lexer, Marked } from '../../vendor/marked-18.2.1.js';
import '../../vendor/dompurify-3.4.18.js';
import { el, icon } from '../dom.js';
import { t } from '../i18n.js';
import { TRUST } from '../trust.js';
import { extensions } from './math.js';

const purify = globalThis.DOMPurify;

const CONFIG = {
  ALLOWED_TAGS:
    'p br hr h3 h4 h5 h6 strong em del code pre blockquote ul ol li a table thead tbody tr th td span'.split(' '),
  ALLOWED_ATTR: ['href', 'start', 'align', 'class'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ADD_URI_SAFE_ATTR: ['start', 'align'], // DOMPurify holds every other value to be an address
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/** @param {string} text */
const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @param {string} href only what a person may safely click */
export const isSafeLink = (href) => /^(https?:|mailto:)/i.test(href.trim());

/** @param {string | undefined} info what follows a fence @returns {string} the language in it, or '' */
export const languageOf = (info) => /^[\w+#.-]{1,30}/.exec(info ?? '')?.[0].toLowerCase() ?? '';

const marked = new Marked({
  extensions,
  gfm: true,
  breaks: true,
  renderer: {
    html({ text }) {
      return /^<br\s*\/?>$/i.test(text.trim()) ? '<br>' : escape(text);
    },
    heading({ tokens, depth }) {
      const level = levelOf(depth);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      return isSafeLink(href) ? `<a href="${escape(href)}">${text}</a>` : `<span>${text}</span>`;
    },
    image({ href, text }) {
      const label = escape(text || href);
      return isSafeLink(href) ? `<a href="${escape(href)}">${label}</a>` : `<span>${label}</span>`;
    },
    listitem({ tokens, task }) {
      return `<li${task ? ' class="task"' : ''}>${this.parser.parse(tokens)}</li>\n`;
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
    code({ text, lang }) {
      const name = languageOf(lang);
      return `<pre><code class="${name && `language-${name}`}">${escape(text)}\n</code></pre>\n`;
    },
  },
});

/**
 * Where the headings of an answer stand: `first` is the depth of its first one, `last` the level of the one before. The
 * first is h3, below the page's own, whatever its depth, and none skips a level.
 * @typedef {{first: number, last: number}} Outline
 */

/** @returns {Outline} of an answer that has no heading yet */
export const newOutline = () => ({ first: 0, last: 2 });

/** That of the text which is rendered just now. */
let outline = newOutline();

/** @param {number} depth as Markdown has it */
function levelOf(depth) {
  outline.first ||= depth;
  outline.last = Math.min(Math.max(depth - outline.first + 3, 3), outline.last + 1, 6);
  return outline.last;
}

/**
 * @param {string} source Markdown
 * @param {Outline} [before] of what stands above; it goes on with this text
 * @returns {DocumentFragment}
 */
export function renderMarkdown(source, before = newOutline()) {
  outline = before;
  const fragment = purify.sanitize(toHtml(source), { ...CONFIG, ...TRUST, RETURN_DOM_FRAGMENT: true });
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
    if (isMisleading(link)) link.after(el('span', { class: 'host' }, ` (${link.host})`));
  }
  for (const pre of fragment.querySelectorAll('pre')) frameCode(pre);
  for (const table of fragment.querySelectorAll('table')) frameTable(table);
  return fragment;
}

/** Whether its text is an address, and it leads to another host. @param {HTMLAnchorElement} link */
function isMisleading({ textContent, hostname }) {
  const said = /^\s*(?:https?:\/\/)?((?:[\w-]+\.)+[a-z]{2,})(?=[/:?#\s]|$)/i.exec(textContent ?? '')?.[1] ?? hostname;
  const bare = (/** @type {string} */ host) => host.toLowerCase().replace(/^www\./, '');
  return hostname !== '' && bare(said) !== bare(hostname);
}

/** The blocks of a text, as they are rendered. @param {string} source */
export const blockTokens = (source) => new Lexer(marked.defaults).blockTokens(source, []);

/** @param {string} source before it is made safe: for tests and `renderMarkdown` only */
export const toHtml = (source) => /** @type {string} */ (marked.parse(source));

/** @param {HTMLPreElement} pre */
function frameCode(pre) {
  const code = pre.querySelector('code');
  const language = /language-(\S+)/.exec(code?.className ?? '')?.[1] ?? '';
  const copy = el(
    'button',
    { type: 'button', class: 'quiet', 'data-action': 'copy-code' },
    icon('copy'),
    t('action.copy'),
  );
  const head = el('div', { class: 'code-head' }, el('span', {}, language || t('code.plain')), copy);
  const frame = el('div', { class: 'code' }, head);
  scrollable(pre, language ? t('code.label', { language }) : t('code.label_plain'));
  pre.replaceWith(frame);
  frame.append(pre);
}

/** Code that grows no more gets its colours; they come with the first that has a language. @param {HTMLElement} root */
export async function finishCode(root) {
  const codes = root.matches('.code') ? [root] : Array.from(root.querySelectorAll('.code'));
  for (const code of codes) {
    const node = /** @type {HTMLElement | null} */ (code.querySelector('code[class]'));
    const language = /language-(\S+)/.exec(node?.className ?? '')?.[1];
    if (!node || !language) continue;
    const highlighter = await import('./highlight.js').catch(() => null);
    await highlighter?.highlight(node, language);
  }
}

/** @param {HTMLTableElement} table */
function frameTable(table) {
  const frame = el('div', { class: 'table' });
  scrollable(frame, t('table.label'));
  table.replaceWith(frame);
  frame.append(table);
}

/**
 * What scrolls must be reachable by keyboard, and what is reachable needs a name.
 * @param {HTMLElement} node
 * @param {string} label
 */
function scrollable(node, label) {
  node.tabIndex = 0;
  node.setAttribute('role', 'region');
  node.setAttribute('aria-label', label);
}
