//! Images for models that look: read, and made smaller where they are huge.

export const MOST_IMAGES = 4;
/** The longer side; models look at far less. */
const MOST_PX = 1_568;
const TYPES = ['image/png', 'image/jpeg', 'image/webp'];

/** @param {File} file */
export const isImage = ({ type }) => TYPES.includes(type);

/** @param {File} file @returns {Promise<string>} base64: a PNG where something shows through, else a JPEG */
export async function readImage(file) {
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
