//! Whether this browser has anything of version 1, and what reads it then. Most have nothing; they load no more than this.

import { LEFT, NAME } from './version1-names.js';

/** @typedef {import('./version1.js').Version1} Version1 */

/**
 * @param {import('./store.js').Store} store
 * @returns {Promise<Version1 | null>}
 */
export async function older(store) {
  if (!(await isThere())) return null;
  const { Version1 } = await import('./version1.js');
  return new Version1(store);
}

async function isThere() {
  try {
    if (localStorage.getItem(LEFT) !== null) return true;
    const databases = await indexedDB.databases();
    return databases.some(({ name }) => name === NAME);
  } catch {
    return true; // not to be found out here
  }
}
