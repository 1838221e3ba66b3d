//! Ollama's request for an answer. Pure.

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */

/** About so many signs are a token, in the languages of this page. */
const SIGNS_PER_TOKEN = 4;

/** An estimate. @param {string} text */
export const tokensIn = (text) => Math.ceil(text.length / SIGNS_PER_TOKEN);

/** Images of earlier messages go along until there are so many: every turn sends them all once more. */
export const MOST_IMAGES = 6;

/**
 * The images that go along: those of the last message, and the latest before it.
 * @param {Message[]} messages
 * @returns {Set<string>} their ids
 */
export function imagesFor(messages) {
  const ids = messages.flatMap(({ images }) => images ?? []);
  const last = messages.findLast(({ role }) => role === 'user')?.images?.length ?? 0;
  return new Set(ids.slice(-Math.max(MOST_IMAGES, last)));
}

/**
 * Turns that failed without a word are left out, and images that are not in `images`.
 * @param {Chat} chat
 * @param {Message[]} messages the path down to what is to be answered, or to be gone on with
 * @param {Map<string, string>} images base64 by id
 * @param {string} model '' for the server's own
 */
export function requestBody(chat, messages, images, model) {
  const said = messages.filter((message) => message.role === 'user' || message.content !== '');
  const history = said.map((message) => {
    const data = (message.images ?? []).map((id) => images.get(id)).filter((one) => one !== undefined);
    const { role, content } = message;
    return data.length > 0 ? { role, content, images: data } : { role, content };
  });
  const system = chat.system.trim() === '' ? [] : [{ role: 'system', content: chat.system }];
  return {
    ...(model && { model }),
    messages: [...system, ...history],
    ...(Object.keys(chat.options).length > 0 && { options: chat.options }),
    ...(chat.think && { think: chat.think === 'on' }),
  };
}
