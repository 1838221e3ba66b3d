//! The page's words. `en.json` and `de.json` have the same keys (a test compares them), and so have those that
//! come on use.
//!
//! Text in the HTML is English and is replaced where a `data-i18n` attribute names a key, so that the page reads
//! well before this file has run. Plural forms are keys with `.one` or `.other` behind them.

const LOCALES = ['en', 'de'];
/** Between two tries to fetch the words. */
const MOST_PAUSE_MS = 2_000;

/** @type {Record<string, string>} */
let words = {};
export let locale = 'en';
let plural = new Intl.PluralRules('en');

/**
 * Loads the first of the browser's languages that there is.
 * @param {readonly string[]} wanted
 * @param {string[]} [more] words of a page besides those that all have
 */
export async function load(wanted, more = []) {
  const short = wanted.map((tag) => tag.slice(0, 2).toLowerCase());
  locale = short.find((tag) => LOCALES.includes(tag)) ?? 'en';
  plural = new Intl.PluralRules(locale);
  const all = await Promise.all([locale, ...more.map((name) => `${name}.${locale}`)].map(wordsOf));
  words = Object.assign({}, ...all);
  document.documentElement.lang = locale;
  apply(document);
}

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/** Words that are needed when something is opened: fetched once. @param {string} name */
export function loadMore(name) {
  const there = loaded.get(name) ?? more(name);
  loaded.set(name, there);
  return there;
}

/** @param {string} name */
async function more(name) {
  const found = await wordsOf(`${name}.${locale}`);
  if (Object.keys(found).length === 0) loaded.delete(name); // the next time, perhaps
  Object.assign(words, found);
}

/**
 * A failure is tried again: without its words the page says nothing.
 * @param {string} which
 * @returns {Promise<Record<string, string>>}
 */
async function wordsOf(which) {
  for (let pause = 250; ; pause *= 2) {
    try {
      const response = await fetch(`/i18n/${which}.json`);
      if (response.ok) return await response.json();
    } catch {
      // Below.
    }
    if (pause > MOST_PAUSE_MS) return {};
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for `{name}`; `n` chooses the plural form
 * @returns {string} the key itself when there is no such word
 */
export function t(key, values = {}) {
  const form = typeof values.n === 'number' ? `${key}.${plural.select(values.n)}` : key;
  const text = words[form] ?? words[`${key}.other`] ?? words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => shown(values[name] ?? whole));
}

/** A number as this locale groups it. @param {string | number} value */
const shown = (value) => (typeof value === 'number' ? number(value) : value);

/** @param {string} key */
export const has = (key) => key in words;

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const number = (value, options) => value.toLocaleString(locale, options);

/**
 * Puts the words of this locale into everything that names a key: `data-i18n="key"` for the text,
 * `data-i18n-attr="aria-label:key placeholder:key"` for attributes.
 * @param {ParentNode} root
 */
export function apply(root) {
  for (const node of root.querySelectorAll('[data-i18n]')) {
    node.textContent = t(/** @type {HTMLElement} */ (node).dataset.i18n ?? '');
  }
  const own = root instanceof HTMLElement && root.matches('[data-i18n-attr]') ? [root] : [];
  for (const node of [...own, .../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll('[data-i18n-attr]'))]) {
    const pairs = node.dataset.i18nAttr ?? '';
    for (const pair of pairs.split(' ')) {
      const [name, key] = pair.split(':');
      node.setAttribute(name, t(key));
    }
  }
}
