//! Images for models that look: read, and made smaller where they are huge.

import * as announce from './announce.js';
import { t } from '../i18n.js';

const MOST_IMAGES = 4;
/** The longer side; models look at far less. */
const MOST_PX = 1_568;
const TYPES = ['image/png', 'image/jpeg', 'image/webp'];

/**
 * Adds images to what is being written; other files and more than a few are left out.
 * @param {import('./composer.js').Composer} composer
 * @param {Iterable<File>} files
 */
export async function addImages(composer, files) {
  const wanted = Array.from(files).filter(({ type }) => TYPES.includes(type));
  const read = await Promise.all(wanted.map((file) => base64(file).catch(() => '')));
  const images = [...composer.draft.images, ...read.filter(Boolean)].slice(0, MOST_IMAGES);
  composer.setImages(images);
  composer.focus();
  announce.status(t('status.images', { n: images.length }));
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
