//! A word at the list that conversations are in this browser only: for somebody who has many, and has not exported them
//! for a long time.

import { byId, el, find } from '../dom.js';
import { t } from '../i18n.js';
import { saveSetting, setting } from '../state/settings.js';
import { more } from './dialogs.js';

const MANY = 20;
const LONG_MS = 60 * 86_400_000;

/** @param {number} count of conversations @param {() => Promise<void>} openSettings */
export async function offerExport(count, openSettings) {
  const last = Number(setting('exported')) || 0;
  if (count < MANY || Date.now() - last < LONG_MS) return;
  await more();
  const button = (/** @type {string} */ key) =>
    el('button', { type: 'button', class: 'quiet', 'data-key': key }, t(key));
  const [open, later] = [button('export.open'), button('export.later')];
  const note = el('p', { class: 'export-note', id: 'export-note' }, t('export.note'), ' ', open, ' ', later);
  open.addEventListener('click', async () => {
    await openSettings();
    byId('export-json').focus();
  });
  later.addEventListener('click', () => {
    saveSetting('exported', String(Date.now())); // asked again as long after
    note.remove();
    byId('new-chat').focus();
  });
  find(byId('sidebar'), '.sidebar-foot').before(note);
}
