//! The ways by which files come: the button, paste, and drop.

import { byId } from '../dom.js';

/** @param {import('./composer.js').Composer} composer */
export function bindAttach(composer) {
  const input = /** @type {HTMLInputElement} */ (byId('attach-file'));
  const add = async (/** @type {File[]} */ files) => {
    const { conversation } = composer; // another one may be shown by the time they are read
    const { addFiles } = await import('./files.js'); // few people need it
    if (conversation) await addFiles(composer, conversation, files);
    input.value = '';
  };
  byId('attach').addEventListener('click', () => input.click());
  input.addEventListener('change', () => add(Array.from(input.files ?? [])));
  byId('composer-text').addEventListener('paste', (event) => {
    const data = event.clipboardData;
    const files = Array.from(data?.files ?? []);
    // Cells of a table and text of a word processor come with a picture of themselves: the words are wanted.
    if (files.length === 0 || data?.types.includes('text/plain')) return;
    event.preventDefault();
    void add(files);
  });
  byId('app').addEventListener('dragover', (event) => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault(); // text goes where it is dropped
  });
  byId('app').addEventListener('drop', (event) => {
    const files = Array.from(event.dataTransfer?.files ?? []);
    if (files.length === 0) return;
    event.preventDefault();
    void add(files);
  });
}
