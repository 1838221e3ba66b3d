//! What a page that goes away has not written yet. It cannot wait for IndexedDB, so it leaves the rest in localStorage,
//! under a key of its own; the next page of this origin takes it up.

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Draft} Draft */
/** @typedef {{id: string, chat: Chat | null, draft: Draft | null, at?: number}} Rest */

const PREFIX = 'sluice.2.left.';

/** @param {string} tab @param {Rest[]} rests */
export function leave(tab, rests) {
  if (tab === '') return; // what is kept on this device is not to stay there
  attempt(() => {
    if (rests.length > 0) localStorage.setItem(PREFIX + tab, JSON.stringify(rests));
    else localStorage.removeItem(PREFIX + tab);
  });
}

/**
 * @param {string} [own] the tab that asks, which knows its own
 * @returns {{key: string, rests: Rest[]}[]} what pages have left; call `done` for each once it is written
 */
export function found(own) {
  const keys =
    attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && key !== PREFIX + own)) ?? [];
  return keys.map((key) => ({ key, rests: attempt(() => JSON.parse(localStorage.getItem(key) ?? '[]')) ?? [] }));
}

/** @param {string} key */
export function done(key) {
  attempt(() => localStorage.removeItem(key));
}

/** A removed conversation leaves nothing behind. @param {string} id */
export function forget(id) {
  for (const { key, rests } of found()) {
    const others = rests.filter((rest) => rest.id !== id);
    if (others.length < rests.length) leave(key.slice(PREFIX.length), others);
  }
}

/**
 * Storage may be forbidden, or full.
 * @template T
 * @param {() => T} use
 * @returns {T | undefined}
 */
function attempt(use) {
  try {
    return use();
  } catch {
    return undefined;
  }
}
