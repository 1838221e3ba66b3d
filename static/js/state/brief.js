//! Records that do not stay: in this page alone, or in the tab, where a reload finds them and closing it ends them. For
//! computers that many share (`pageHistory` of the server).
//!
//! They answer as the part of IndexedDB does that `store.js` uses, one transaction after the other.

/** @typedef {import('./database.js').Use} Use */

const KEY = 'sluice.records';

/** @param {'session' | 'off'} history @returns {Use} */
export function briefStore(history) {
  const table = new Table(history === 'session' ? read() : []);
  /** @type {Promise<unknown>} */
  let before = Promise.resolve();
  return /** @type {Use} */ (
    (mode, work) => {
      const now = before.then(async () => {
        const result = await work(/** @type {any} */ (table));
        if (mode === 'readwrite' && history === 'session') sessionStorage.setItem(KEY, JSON.stringify(table.all));
        return result;
      });
      before = now.catch(() => {});
      return now;
    }
  );
}

/** @returns {[string, unknown][]} */
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
  } catch {
    return [];
  }
}

/** As much of an IDBObjectStore as `store.js` asks for. */
class Table {
  #records;
  transaction = done({ abort: () => {} });

  /** @param {[string, unknown][]} records */
  constructor(records) {
    this.#records = new Map(records);
  }

  get all() {
    return Array.from(this.#records);
  }

  /** @param {string} key */
  get(key) {
    return done({ result: structuredClone(this.#records.get(key)) });
  }

  /** @param {IDBKeyRange} [range] */
  getAll(range) {
    return done({ result: this.#keys(range).map((key) => structuredClone(this.#records.get(key))) });
  }

  /** @param {IDBKeyRange} [range] */
  getAllKeys(range) {
    return done({ result: this.#keys(range) });
  }

  /** @param {unknown} value @param {string} key */
  put(value, key) {
    this.#records.set(key, structuredClone(value));
  }

  /** @param {string | IDBKeyRange} which */
  delete(which) {
    const keys = typeof which === 'string' ? [which] : this.#keys(which);
    for (const key of keys) this.#records.delete(key);
  }

  clear() {
    this.#records.clear();
  }

  /** @param {IDBKeyRange} [range] */
  #keys(range) {
    return Array.from(this.#records.keys())
      .filter((key) => !range || range.includes(key))
      .sort();
  }
}

/**
 * A request, or a transaction, that is done as soon as somebody listens.
 * @template {object} T
 * @param {T} request
 * @returns {T}
 */
function done(request) {
  const now = { set: (/** @type {() => void} */ then) => queueMicrotask(then) };
  return Object.defineProperties(request, { onsuccess: now, oncomplete: now });
}
