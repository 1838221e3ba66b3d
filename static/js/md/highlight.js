//! Colours in code: loaded at the first fence that names a language we ship, never guessed.

import { el } from '../dom.js';
import { TRUST } from '../trust.js';

const HOME = '../../vendor/highlight-11.12.0';
/** Longer code stays plain: colouring it would block the page. */
const MOST_CHARS = 50_000;

const LANGUAGES = new Set(
  (
    'bash c cpp csharp css diff dockerfile go ini java javascript json kotlin lua markdown php python ruby rust sql ' +
    'swift typescript xml yaml'
  ).split(' '),
);

/** @type {Readonly<Record<string, string>>} */
const ALIASES = Object.freeze({
  sh: 'bash',
  shell: 'bash',
  zsh: 'bash',
  console: 'bash',
  'c++': 'cpp',
  h: 'c',
  hpp: 'cpp',
  cs: 'csharp',
  'c#': 'csharp',
  docker: 'dockerfile',
  golang: 'go',
  toml: 'ini',
  js: 'javascript',
  jsx: 'javascript',
  mjs: 'javascript',
  kt: 'kotlin',
  md: 'markdown',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  ts: 'typescript',
  tsx: 'typescript',
  html: 'xml',
  svg: 'xml',
  yml: 'yaml',
});

/** @type {Promise<any> | undefined} */
let core;
/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/**
 * Colours a settled code element when the language is there. Its text stays the same.
 * @param {HTMLElement} code
 * @param {string} name as the fence has it
 */
export async function highlight(code, name) {
  const language = ALIASES[name] ?? name;
  const text = code.textContent ?? '';
  if (!LANGUAGES.has(language) || text.length > MOST_CHARS) return;
  try {
    const hljs = await load(language);
    const { value } = hljs.highlight(text, { language, ignoreIllegals: true });
    const colours = safe(value);
    if (colours.textContent === text) code.replaceChildren(colours);
  } catch {
    code.dataset.plain = ''; // offline or an older browser: the code is there, without colours
  }
}

/** @param {string} language */
async function load(language) {
  core ??= loadCore();
  const hljs = await core;
  let ready = loaded.get(language);
  if (!ready) {
    ready = import(`${HOME}/${language}.js`).then((module) => hljs.registerLanguage(language, module.default));
    loaded.set(language, ready);
  }
  await ready;
  return hljs;
}

async function loadCore() {
  document.head.append(el('link', { rel: 'stylesheet', href: '/css/hljs.css' }));
  return (await import(`${HOME}/core.js`)).default;
}

/** @param {string} html spans with classes @returns {DocumentFragment} */
function safe(html) {
  return globalThis.DOMPurify.sanitize(html, {
    ...TRUST,
    ALLOWED_TAGS: ['span'],
    ALLOWED_ATTR: ['class'],
    RETURN_DOM_FRAGMENT: true,
  });
}
