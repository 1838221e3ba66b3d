//! A conversation as version 1 kept it (a list of messages, images inside) in today's form. Pure.

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('./chat.js').Message} Message */
/**
 * @typedef {Omit<Message, 'parent' | 'images' | 'removed'> & {images?: string[]}} Message1
 * @typedef {{
 *   id: string, version: 1, title: string, created: number, updated: number, model: string, system: string,
 *   think: '' | 'on' | 'off', options: import('./chat.js').Options, messages: Message1[], gone: string[],
 * }} Chat1
 */

/**
 * Each message hangs below the one before it. Taken twice it gives the same ids, so a later copy of the same
 * conversation is merged and not doubled.
 * @param {Chat1} old
 * @returns {{chat: Chat, images: Map<string, string>}}
 */
export function fromVersion1(old) {
  /** @type {Map<string, string>} */
  const images = new Map();
  let parent = '';
  const messages = old.messages.map((one) => {
    const { images: data, ...rest } = one;
    const ids = (data ?? []).map((_, index) => `${one.id}.${index}`);
    ids.forEach((id, index) => images.set(id, (data ?? [])[index]));
    /** @type {Message} */
    const message = {
      ...rest,
      parent,
      ...(ids.length > 0 && { images: ids }),
      ...(one.role === 'assistant' && { state: one.state ?? 'running' }),
    };
    if (one.role === 'user') delete message.state;
    parent = one.id;
    return message;
  });
  const { id, title, created, updated, model, system, think, options } = old;
  const chat = {
    ...{ id, title, created, updated, model, system, think, options },
    version: /** @type {const} */ (2),
    settingsAt: updated,
    pinned: false,
    messages,
    leaf: parent,
    leafAt: updated,
  };
  return { chat, images };
}
