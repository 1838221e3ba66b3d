//! Ollama's request for an answer. Pure.

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */

/** About so many signs are a token, in the languages of this page. */
const SIGNS_PER_TOKEN = 4;

/** An estimate. @param {string} text */
export const tokensIn = (text) => Math.ceil(text.length / SIGNS_PER_TOKEN);

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
