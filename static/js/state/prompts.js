//! Texts that somebody writes again and again, kept on this device.

import { history } from './settings.js';

/** @typedef {{name: string, text: string}} Prompt */

const KEY = 'sluice.prompts';

/** Where conversations do not stay, nothing does. */
const storage = () => (history() === 'device' ? localStorage : sessionStorage);

/** @returns {Prompt[]} by name */
export const prompts = () => read(storage);

/** @param {() => Storage} from */
function read(from) {
  try {
    const kept = JSON.parse(from().getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isPrompt) : [];
  } catch {
    return []; // storage is forbidden, or somebody else wrote there
  }
}

/**
 * One of the same name is replaced.
 * @param {Prompt} prompt
 * @returns {boolean} whether it is kept
 */
export function savePrompt(prompt) {
  const others = prompts().filter(({ name }) => name !== prompt.name);
  return write([...others, prompt].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })));
}

/** @param {string} name */
export const removePrompt = (name) => write(prompts().filter((prompt) => prompt.name !== name));

/** What this tab alone has goes to the device, where that is what is wanted. */
export function keepPrompts() {
  const here = read(() => sessionStorage);
  if (storage() === localStorage && here.every(savePrompt)) sessionStorage.removeItem(KEY);
}

/** @param {Prompt[]} all */
function write(all) {
  try {
    storage().setItem(KEY, JSON.stringify(all));
    return true;
  } catch {
    return false;
  }
}

/** @param {any} one @returns {one is Prompt} */
const isPrompt = (one) => typeof one?.name === 'string' && typeof one.text === 'string';
