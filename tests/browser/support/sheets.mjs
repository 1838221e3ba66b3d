//! One picture for each state of the page: 1280 × 800 and 390 × 844, light and dark, English and German, side by side.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fake } from './fake.mjs';

const DESK = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** Each size in both schemes and both languages. */
const PANELS = [
  { ...DESK, colorScheme: 'light', locale: 'en-US' },
  { ...PHONE, colorScheme: 'light', locale: 'de-DE' },
  { ...DESK, colorScheme: 'dark', locale: 'de-DE' },
  { ...PHONE, colorScheme: 'dark', locale: 'en-US' },
];
const QUALITY = 0.8;
/** What they are drawn at: 2.7 MB would be too much for all of them. */
const SCALE = 0.65;

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} folder
 * @param {string} state
 * @param {(page: import('playwright-core').Page, fake: Fake) => Promise<void>} reach
 * @param {string} [path]
 */
export async function sheet(browser, folder, state, reach, path = '/') {
  const pictures = [];
  for (const panel of PANELS) pictures.push(await picture(browser, panel, reach, path));
  const page = await browser.newPage();
  const webp = await page.evaluate(beside, { pictures, quality: QUALITY, scale: SCALE });
  await page.close();
  writeFileSync(join(folder, `${nameOf(state)}.webp`), Buffer.from(webp, 'base64'));
}

const nameOf = (state) => state.replace(/\W+/g, '-');

async function picture(browser, panel, reach, path) {
  const fake = await new Fake().start();
  const context = await browser.newContext({ ...panel, serviceWorkers: 'block', reducedMotion: 'reduce' });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  if (path !== '/') await page.clock.install();
  try {
    await page.goto(fake.url + path);
    await page.waitForSelector('html[data-ready]');
    await reach(page, fake);
    await page.waitForTimeout(400);
    return (await page.screenshot()).toString('base64');
  } finally {
    await context.close();
    await fake.stop();
  }
}

/** Runs in the browser: two rows of a wide and a narrow picture. */
async function beside({ pictures, quality, scale }) {
  const gap = 20;
  const images = await Promise.all(
    pictures.map(async (data) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      return image;
    }),
  );
  const [wide, narrow] = images;
  const canvas = document.createElement('canvas');
  const [width, height] = [wide.width + narrow.width + gap * 3, 2 * narrow.height + gap * 3];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#888';
  context.fillRect(0, 0, width, height);
  images.forEach((image, index) => {
    const x = gap + (index % 2) * (wide.width + gap);
    context.drawImage(image, x, gap + Math.floor(index / 2) * (narrow.height + gap));
  });
  return canvas.toDataURL('image/webp', quality).split(',')[1];
}
