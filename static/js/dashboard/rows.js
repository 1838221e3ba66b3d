//! What the tables of the dashboard share: a row, and words for what the server names.

import { el } from '../dom.js';
import { has, t } from '../i18n.js';

/** @param {string} head @param {(string | Node)[]} cells */
export const row = (head, ...cells) =>
  el('tr', {}, el('th', { scope: 'row' }, head), ...cells.map((content) => el('td', {}, content)));

/** @param {string} name of a class */
export function classWord(name) {
  const key = `dash.class_${name}`;
  return has(key) ? t(key) : name;
}

/** @param {unknown} breaker its state */
export function breakerWord(breaker) {
  const key = `dash.breaker_${String(breaker).replace('-', '_')}`;
  return has(key) ? t(key) : String(breaker ?? '–');
}
