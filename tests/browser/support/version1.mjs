//! What a page of version 1 (467bf51) has left, put into a browser before today's page opens it.

import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

export const DUMP = JSON.parse(readFileSync(new URL('../fixtures/version1.json', import.meta.url), 'utf8'));

/** The page itself, by the paths of its files (`fixtures/record-page.mjs`). */
export const release = () =>
  new Map(
    Object.entries(
      JSON.parse(
        brotliDecompressSync(readFileSync(new URL('../fixtures/version1-page.json.br', import.meta.url))).toString(),
      ),
    ),
  );

/** The records of conversations, by what their first message says. */
export const chats = new Map(
  DUMP.records.filter(([key]) => key.startsWith('chat:')).map(([, chat]) => [chat.messages[0].content, chat]),
);

/**
 * Writes records into version 1's database, as its page does. Version 1's tabs are told if `speak`.
 * @param {import('playwright-core').Page} page any page of the origin
 */
export function putVersion1(page, { records = DUMP.records, left = DUMP.left, speak = [] } = {}) {
  return page.evaluate(
    ({ records, left, speak }) =>
      new Promise((resolve, reject) => {
        const open = indexedDB.open('sluice');
        open.onupgradeneeded = () => open.result.createObjectStore('chats');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
          const { transaction } = open.result.transaction('chats', 'readwrite').objectStore('chats');
          const table = transaction.objectStore('chats');
          for (const [key, value] of records) {
            if (value === null) table.delete(key);
            else table.put(value, key);
          }
          transaction.oncomplete = () => {
            if (left) localStorage.setItem('sluice.left', left);
            const channel = new BroadcastChannel('sluice.chats');
            for (const id of speak) channel.postMessage(id);
            open.result.close();
            setTimeout(resolve, 50); // a channel that is collected at once may not have spoken
          };
        };
      }),
    { records, left, speak },
  );
}

/** The keys and values of version 1's database, or null where there is none. */
export function readVersion1(page) {
  return page.evaluate(async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === 'sluice')) return null;
    return new Promise((resolve) => {
      const open = indexedDB.open('sluice');
      open.onupgradeneeded = () => open.transaction.abort(); // it was deleted since it was listed: none is made here
      open.onerror = (event) => {
        event.preventDefault();
        resolve(null);
      };
      open.onsuccess = () => {
        const table = open.result.transaction('chats').objectStore('chats');
        const [keys, values] = [table.getAllKeys(), table.getAll()];
        table.transaction.oncomplete = () => {
          open.result.close();
          resolve(keys.result.map((key, index) => [key, values.result[index]]));
        };
      };
    });
  });
}
