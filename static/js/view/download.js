//! A file for somebody to keep.

import { el } from '../dom.js';

/** Long enough for every browser to have begun. */
const KEPT_MS = 10_000;

/** @param {string} name @param {string} type @param {string} text */
export function download(name, type, text) {
  const href = URL.createObjectURL(new Blob([text], { type }));
  const link = el('a', { href, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
}

/** @param {string} title @returns {string} what every file system takes */
export const fileName = (title) =>
  title
    .replace(/[^\p{L}\p{N} _-]+/gu, '')
    .trim()
    .slice(0, 60) || 'conversation';
