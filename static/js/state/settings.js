//! The few settings of this device, in localStorage where that is allowed, else for this page only.

/** @typedef {'theme' | 'notify' | 'shortcuts' | 'model' | 'sidebar' | 'exported' | 'note' | 'history'} Name */

/** Where the server's operator wants conversations to be kept. @typedef {'device' | 'session' | 'off'} History */

/** @param {unknown} told @returns {History} */
export const historyOf = (told) => (told === 'session' || told === 'off' ? told : 'device');

/** @type {Map<Name, string>} */
const here = new Map();

/** @param {Name} name @returns {string} '' when it was never set */
export function setting(name) {
  try {
    return localStorage.getItem(`sluice.${name}`) ?? '';
  } catch {
    return here.get(name) ?? '';
  }
}

/** @param {Name} name @param {string} value */
export function saveSetting(name, value) {
  here.set(name, value);
  try {
    localStorage.setItem(`sluice.${name}`, value);
  } catch {
    // This page keeps it until it is closed.
  }
}
