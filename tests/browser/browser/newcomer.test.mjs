//! What somebody meets who has never been here: a server that cannot answer yet, a key, words that are true.

import assert from 'node:assert/strict';
import { answerState, browserTest, messages, send, until, useBrowser } from '../support/browser.mjs';

useBrowser();

const focused = (page) => page.evaluate(() => document.activeElement.id);
const seen = (page, selector) => page.locator(selector).isVisible();
/** What the server says of itself before the page is there. */
const says =
  (health, more = {}) =>
  (fake) =>
    Object.assign(fake, { health: { ...fake.health, ...health }, ...more });

browserTest(
  'nobody is promised an answer at once while no server of a model answers',
  async ({ page, fake }) => {
    await page.locator('#banner[data-kind="down"]').waitFor();
    await until(async () => (await page.locator('#queue-active').textContent()) === '0 / 4', 'the line is known');
    assert.equal(await seen(page, '#empty-now'), false);
    fake.health = { status: 'ok' };
    await page.locator('#empty-now').waitFor();
  },
  { setUp: says({ status: 'down', upstreams: [] }) },
);

browserTest(
  'a server without any model says so before one has written',
  async ({ page, fake }) => {
    await page.locator('#empty-model', { hasText: 'no model yet' }).waitFor();
    assert.equal(await seen(page, '#empty-now'), false);
    fake.onChat = (stream) => stream.refuse(404, 'model_not_found');
    await send(page, 'Hello?');
    await page.locator('.card', { hasText: 'ask the operator to fetch it' }).waitFor();
  },
  { setUp: says({ model: 'qwen3:1.7b' }, { tags: { models: [] } }) },
);

browserTest(
  "a default that the server does not have is marked, and another one is asked for; a name without a tag is the latest's",
  async ({ page, fake, open }) => {
    await page.locator('#empty-model', { hasText: 'qwen3:1.7b is not on this server' }).waitFor();
    assert.equal(await page.locator('#model option').first().textContent(), 'qwen3:1.7b (not on the server)');
    await page.selectOption('#model', 'qwen3:8b');
    await page.locator('#empty-now').waitFor();
    fake.health = { ...fake.health, model: 'phi4' };
    fake.tags = { models: [{ name: 'phi4:latest' }] };
    const other = await open();
    await until(async () => (await other.locator('#model option').count()) > 1, 'the models are there');
    assert.equal(await other.locator('#model option').first().textContent(), 'phi4');
  },
  { setUp: says({ model: 'qwen3:1.7b' }), alone: true },
);

browserTest(
  'a key that is entered from the card answers, and the focus is where the answer can be stopped',
  async ({ page, fake }) => {
    fake.key = 'right';
    await send(page, 'Hello?');
    await page.locator('#key-dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.click('.card [data-action="key"]');
    await page.fill('#key-input', 'right');
    await page.keyboard.press('Enter');
    await answerState(page, 'done');
    assert.equal(await focused(page), 'send');
  },
);

browserTest('the question that is edited is marked, until the edit is given up', async ({ page }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.click('.user [data-action="edit"]');
  await page.locator('.user[data-edited]').waitFor();
  await page.click('#edit-cancel');
  await page.locator('.user:not([data-edited])').waitFor();
  assert.deepEqual(await messages(page), ['one', 'Hello there.']);
});

for (const [pageHistory, words] of Object.entries({ off: 'they are gone when you leave', session: 'stay in this tab' }))
  browserTest(
    `the settings say where conversations are kept: ${pageHistory}`,
    async ({ page }) => {
      await page.click('#open-settings');
      await page.locator('#settings-where', { hasText: words }).waitFor();
    },
    { setUp: says({ pageHistory }), alone: true },
  );
