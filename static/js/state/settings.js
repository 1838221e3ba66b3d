//! The few settings of this device, in localStorage where that is allowed, else for this page only.

/** @typedef {'theme' | 'notify' | 'shortcuts' | 'model' | 'sidebar' | 'exported' | 'note' | 'history'} Name */

/** Where the server's operator wants conversations to be kept. @typedef {'device' | 'session' | 'off'} History */

/** @param {unknown} told @returns {History} */
export const historyOf = (told) => (told === 'session' || told === 'off' ? told : 'device');

/** @type {Map<Name, string>} */
const here = new Map();

/** @param {Name} name @returns {string} '' when it was never set */
export function setting(name) {
  let kept;
  try {
    kept = localStorage.getItem(`sluice.${name}`);
  } catch {
    // Storage is forbidden.
  }
  return kept ?? here.get(name) ?? '';
}

/** @param {Name} name @param {string} value @returns {boolean} whether it outlives this page */
export function saveSetting(name, value) {
  here.set(name, value);
  try {
    localStorage.setItem(`sluice.${name}`, value);
    return true;
  } catch {
    return false;
  }
}

/** Nothing is kept until the server has said that it may be. */
export const history = () => /** @type {History} */ (setting('history') || 'off');
