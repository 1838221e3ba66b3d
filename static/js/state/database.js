//! IndexedDB as promises, and a database of one table.

/** One transaction. @typedef {<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => Promise<T>) => Promise<T>} Use */

/** @template T @param {IDBRequest<T>} one @returns {Promise<T>} */
export const request = (one) =>
  new Promise((resolve, reject) => {
    one.onsuccess = () => resolve(one.result);
    one.onerror = () => reject(one.error);
  });

/** @param {IDBTransaction} one @returns {Promise<void>} rejects where nothing of it was written */
export const completed = (one) =>
  new Promise((resolve, reject) => {
    one.oncomplete = () => resolve();
    one.onabort = () => reject(one.error);
  });

/**
 * Opened at the first use, and again where the browser has closed it (Safari does).
 * @param {string} name
 * @param {string} table
 * @returns {Use}
 */
export function database(name, table) {
  /** @type {Promise<IDBDatabase> | undefined} */
  let opened;
  const open = async () => {
    const opening = indexedDB.open(name);
    opening.onupgradeneeded = () => opening.result.createObjectStore(table);
    const db = await request(opening);
    db.onclose = () => (opened = undefined);
    db.onversionchange = () => db.close(); // a later version must not wait for this tab
    return db;
  };
  return async (mode, work) => {
    opened ??= open();
    const db = await opened.catch((error) => {
      opened = undefined;
      throw error;
    });
    return work(db.transaction(table, mode).objectStore(table));
  };
}
