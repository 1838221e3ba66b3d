//! A word at the list that conversations are in this browser only: for somebody who has many, and has not exported them
//! for a long time.

import { byId } from '../dom.js';
import { saveSetting, setting } from '../state/settings.js';

const MANY = 20;
const LONG_MS = 60 * 86_400_000;

/** @param {number} count of conversations @param {() => Promise<void>} openSettings */
export function offerExport(count, openSettings) {
  const last = Number(setting('exported')) || 0;
  if (count < MANY || Date.now() - last < LONG_MS) return;
  byId('export-note').hidden = false;
  byId('export-open').onclick = async () => {
    await openSettings();
    byId('export-json').focus();
  };
  byId('export-later').onclick = () => {
    saveSetting('exported', String(Date.now())); // asked again as long after
    byId('export-note').hidden = true;
    byId('new-chat').focus();
  };
}
