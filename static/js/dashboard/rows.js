//! What the tables of the dashboard share: a row, when they are drawn anew, and words for what the server names.

import { byId, el } from '../dom.js';
import { has, t } from '../i18n.js';

/** @param {string} head @param {(string | Node)[]} cells */
export const row = (head, ...cells) =>
  el('tr', {}, el('th', { scope: 'row' }, head), ...cells.map((content) => el('td', {}, content)));

/** What each part was drawn from. @type {Map<string, string>} */
const drawn = new Map();

/**
 * Only where something has changed, so that a selection and the focus stay.
 * @param {string} id
 * @param {unknown} from
 * @param {() => Node[]} draw
 */
export function redraw(id, from, draw) {
  const told = JSON.stringify(from);
  if (drawn.get(id) === told) return;
  drawn.set(id, told);
  const home = byId(id);
  const focused = home.contains(document.activeElement) ? document.activeElement?.getAttribute('aria-label') : null;
  home.replaceChildren(...draw());
  if (!focused) return;
  const same = [...home.querySelectorAll('button')].find((button) => button.getAttribute('aria-label') === focused);
  same?.focus();
}

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
