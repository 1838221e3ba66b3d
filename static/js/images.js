//! Images for models that look: chosen, pasted or dropped; made smaller where they are huge.

import * as announce from './announce.js';
import { byId } from './dom.js';
import { t } from './i18n.js';

const MOST_IMAGES = 4;
/** The longer side; models look at far less. */
const MOST_PX = 1_568;
const TYPES = ['image/png', 'image/jpeg', 'image/webp'];

/** @param {import('./composer.js').Composer} composer */
export function bindImages(composer) {
  const input = /** @type {HTMLInputElement} */ (byId('attach-file'));
  const add = async (/** @type {Iterable<File>} */ files) => {
    const wanted = Array.from(files).filter(({ type }) => TYPES.includes(type));
    const read = await Promise.all(wanted.map((file) => base64(file).catch(() => '')));
    const images = [...composer.draft.images, ...read.filter(Boolean)].slice(0, MOST_IMAGES);
    composer.setImages(images);
    announce.status(t('status.images', { n: images.length }));
  };
  byId('attach').addEventListener('click', () => input.click());
  input.addEventListener('change', async () => {
    await add(input.files ?? []);
    input.value = '';
    composer.focus();
  });
  byId('composer-text').addEventListener('paste', (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    void add(files);
  });
  byId('app').addEventListener('dragover', (event) => event.preventDefault());
  byId('app').addEventListener('drop', (event) => {
    event.preventDefault();
    void add(event.dataTransfer?.files ?? []);
  });
  byId('attachments').addEventListener('click', (event) => {
    const index = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest('[data-remove]'))?.dataset.remove;
    if (index === undefined) return;
    composer.setImages(composer.draft.images.filter((_, at) => at !== Number(index)));
    composer.focus();
  });
}

/** @param {File} file @returns {Promise<string>} a JPEG or PNG in base64 */
async function base64(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MOST_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL(file.type === 'image/png' ? 'image/png' : 'image/jpeg', 0.9).split(',')[1];
}
