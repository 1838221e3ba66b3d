//! What a random walk can see: the screen, the records, and the tokens in a text.

const TOKEN = /\b[wa]\d+x\b/g;
/** Records come as JSON, where the end of a line is two signs. */
export const tokensOf = (text) => new Set(text.replaceAll('\\n', ' ').match(TOKEN) ?? []);

/** What somebody sees of the conversation. */
export function snapshot(page) {
  return page.evaluate(() => ({
    busy: document.getElementById('send').dataset.mode === 'stop',
    address: location.hash,
    messages: Array.from(document.querySelectorAll('#transcript .message .text'), (node) => node.innerText.trim()),
    typed: document.getElementById('composer-text').value,
    editing: !document.getElementById('edit-note').hidden,
  }));
}

/** Which conversation is shown, whether anything was said or is typed in it, and what the field says. */
export function shown(page) {
  return page.evaluate(() => {
    const begun = location.hash.length > 1;
    const typed = document.getElementById('composer-text').value;
    const unsent = document.querySelector('#transcript .message') !== null;
    return {
      id: begun ? location.hash.slice(1) : sessionStorage.getItem('sluice.fresh'),
      begun,
      blank: !begun && !unsent && typed === '',
      typed,
      editing: !document.getElementById('edit-note').hidden,
    };
  });
}

/** Every record and whatever lies in localStorage, as text by its key. What is moved from there to here is not missed. */
export async function everything(page) {
  const entries = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const left = Object.entries(localStorage);
        const open = indexedDB.open('sluice-2');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
          const store = open.result.transaction('records').objectStore('records');
          const [keys, values] = [store.getAllKeys(), store.getAll()];
          store.transaction.oncomplete = () => {
            open.result.close();
            const records = keys.result.map((key, index) => [String(key), JSON.stringify(values.result[index])]);
            resolve([...records, ...left]);
          };
        };
      }),
  );
  return new Map(entries);
}

/**
 * What is kept of one conversation, as text: its messages, and what is typed in it. Also what a page has left for it.
 * @param {Map<string, string>} records of `everything`
 * @param {string} id
 */
export function keptOf(records, id) {
  const rests = Array.from(records)
    .filter(([key]) => key.startsWith('sluice.2.left.'))
    .flatMap(([, rest]) => JSON.parse(rest))
    .filter((rest) => rest.id === id);
  const text = (kind) => [records.get(`${kind}:${id}`), ...rests.map((rest) => JSON.stringify(rest[kind]))].join(' ');
  return { messages: tokensOf(text('chat')), typed: tokensOf(text('draft')) };
}
