//! Images on the device: one that nothing names any more is nowhere, and one that is brought back is there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { answerState, browserTest, reload, send, until, useBrowser } from '../support/browser.mjs';
import { everything } from '../support/walk-look.mjs';

useBrowser();

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

async function attach(page) {
  const buffer = Buffer.from(PNG, 'base64');
  await page.setInputFiles('#attach-file', { name: 'a.png', mimeType: 'image/png', buffer });
  await page.locator('#attachments img').first().waitFor();
}

/** How many images lie on the device. */
const kept = async (page) =>
  Array.from((await everything(page)).keys()).filter((key) => key.startsWith('image:')).length;

const keeps = (page, count) => until(async () => (await kept(page)) === count, `${count} images are kept`);

/** Writes what is to be written, and lets it come to rest. */
const written = (page) => page.evaluate(() => void window.dispatchEvent(new Event('pagehide')));

async function exported(page) {
  await page.click('#open-settings');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-json')]);
  await page.keyboard.press('Escape');
  return JSON.parse(readFileSync(await download.path(), 'utf8')).chats;
}

browserTest('the image of a deleted message is deleted, and is in no export; undo brings it back', async ({ page }) => {
  await attach(page);
  await send(page, 'What is this?');
  await answerState(page, 'done');
  await keeps(page, 1);
  assert.equal(Object.keys((await exported(page))[0].images).length, 1);
  const remove = () => page.locator('.user [data-action=delete]').dispatchEvent('click');
  await remove();
  assert.deepEqual((await exported(page))[0].images, {});
  await keeps(page, 0);
  await page.click('.undo-note button');
  await keeps(page, 1);
  await reload(page);
  await until(() => page.locator('.user .images img').evaluate((image) => image.naturalWidth === 1), 'it is shown');
  await remove();
  await written(page);
  await keeps(page, 0);
});

browserTest('what was refused and is given up leaves no image', async ({ page, fake }) => {
  let refuse;
  fake.onChat = (stream) => void (refuse = () => stream.refuse(429, 'queue_full'));
  await attach(page);
  await send(page, 'old words');
  await until(() => refuse);
  await page.fill('#composer-text', 'new words');
  refuse();
  await page.locator('.notice [data-action=drop]').waitFor();
  await keeps(page, 1);
  await page.click('.notice [data-action=drop]');
  await keeps(page, 0);
});

browserTest('an image that is taken off at once, or after it was written, is not kept', async ({ page }) => {
  await attach(page);
  await keeps(page, 1);
  await page.click('#attachments button');
  await keeps(page, 0);
  await attach(page);
  await page.evaluate(() => {
    // The two of one moment: the image has no time to be written.
    new MutationObserver(() => document.querySelectorAll('#attachments button')[1]?.click()).observe(
      document.getElementById('attachments'),
      { childList: true, subtree: true },
    );
  });
  const buffer = Buffer.from(PNG, 'base64');
  await page.setInputFiles('#attach-file', { name: 'b.png', mimeType: 'image/png', buffer });
  await page.locator('#status', { hasText: /attached/ }).waitFor();
  await page.fill('#composer-text', 'with one');
  await until(async () => JSON.stringify(Array.from(await everything(page))).includes('with one'), 'it is written');
  assert.equal(await kept(page), 1);
});
