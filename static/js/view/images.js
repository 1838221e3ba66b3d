//! Images for models that look: read, and made smaller where they are huge.

import { byId } from '../dom.js';
import { t } from '../i18n.js';
import * as announce from './announce.js';

const MOST_IMAGES = 4;
/** The longer side; models look at far less. */
const MOST_PX = 1_568;
const TYPES = ['image/png', 'image/jpeg', 'image/webp'];

/**
 * Adds images to what is being written, and says which files it leaves out.
 * @param {import('./composer.js').Composer} composer
 * @param {File[]} files
 */
export async function addImages(composer, files) {
  const wanted = files.filter(({ type }) => TYPES.includes(type));
  const read = await Promise.all(wanted.map((file) => base64(file).catch(() => '')));
  const good = read.filter(Boolean);
  const room = Math.max(MOST_IMAGES - composer.images, 0);
  composer.attach(good.slice(0, room));
  composer.focus();
  const unread = files.length - good.length;
  const said = [];
  if (unread > 0) said.push(t('attach.not_read', { n: unread }));
  if (good.length > room) said.push(t('attach.too_many', { n: MOST_IMAGES }));
  const note = byId('composer-note');
  note.textContent = said.join(' ');
  note.hidden = said.length === 0;
  if (good.length > 0) announce.status(t('status.images', { n: composer.images }));
}

/** @param {File} file @returns {Promise<string>} base64: a PNG where something shows through, else a JPEG */
async function base64(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MOST_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const type = file.type !== 'image/jpeg' && isClear(context) ? 'image/png' : 'image/jpeg';
  return canvas.toDataURL(type, 0.9).split(',')[1];
}

/** @param {CanvasRenderingContext2D} context whether anything shows through */
function isClear(context) {
  const { data } = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  for (let index = 3; index < data.length; index += 4) if (data[index] < 255) return true;
  return false;
}
