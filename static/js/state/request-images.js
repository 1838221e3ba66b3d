//! Which images go along with a request. It comes with the first conversation that has one.

/** @typedef {import('./chat.js').Message} Message */

/** Images of earlier messages go along until there are so many: every turn sends them all once more. */
const MOST_IMAGES = 6;
/** And as long as all are no more than this in base64: a server takes 8 MiB by default, and words need room too. */
const MOST_SIGNS = 6 * 1024 * 1024;

/**
 * Those of the last question, whatever they are, and the latest before it.
 * @param {Message[]} messages
 * @param {(id: string) => Promise<string | undefined>} image
 * @returns {Promise<Map<string, string>>} base64 by id
 */
export async function imagesFor(messages, image) {
  const ids = messages.flatMap(({ images }) => images ?? []);
  const last = messages.findLast(({ role }) => role === 'user')?.images?.length ?? 0;
  const latest = ids.slice(-Math.max(MOST_IMAGES, last)).reverse();
  const read = await Promise.all(latest.map((id) => image(id).catch(() => undefined)));
  /** @type {Map<string, string>} */
  const found = new Map();
  let signs = 0;
  for (const [index, data = ''] of read.entries()) {
    signs += data.length;
    if (index >= last && signs > MOST_SIGNS) break;
    if (data !== '') found.set(latest[index], data);
  }
  return found;
}
