//! A place in line outlives a reload: the page asks the same again by itself, and nothing that nobody waits for.

import assert from 'node:assert/strict';
import { answerState, browserTest, messages, reload, send, signal, until, useBrowser } from '../support/browser.mjs';

useBrowser();

/** Waits in line with the first answer, and keeps its stream until the client leaves. */
async function waitInLine(page, fake, ask) {
  const came = signal();
  fake.onChat = async (stream) => {
    await stream.place(3);
    came.fire();
    await stream.closed;
  };
  await ask();
  await came;
  await answerState(page, 'queued');
}

const answers = (fake) =>
  (fake.onChat = async (stream) => {
    await stream.place(3);
    await stream.say('Here.');
    await stream.done();
  });

browserTest('a page that is loaded again in line asks the same by itself, once', async ({ page, fake }) => {
  await waitInLine(page, fake, () => send(page, 'q'));
  answers(fake);
  await page.fill('#composer-text', 'half a sen');
  await reload(page);
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['q', 'Here.']);
  assert.equal(await page.inputValue('#composer-text'), 'half a sen');
  assert.deepEqual(fake.chats[1], fake.chats[0]);
  assert.deepEqual(fake.deleted, [], 'who gives a place up does not get its age back');
  await reload(page);
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['q', 'Here.']);
  assert.equal(fake.chats.length, 2);
});

browserTest('so it does where another answer was waited for, by another model', async ({ page, fake }) => {
  await send(page, 'q');
  await answerState(page, 'done');
  await waitInLine(page, fake, async () => {
    await page.locator('[data-action="retry-with"]').click();
    await page.locator('#model-dialog button', { hasText: 'qwen3:8b' }).click();
  });
  answers(fake);
  await reload(page);
  await until(async () => (await messages(page)).at(-1) === 'Here.', 'the other answer');
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['q', 'Here.']);
  assert.equal(fake.chats[2].model, 'qwen3:8b');
  assert.deepEqual(fake.chats[2], fake.chats[1]);
  assert.equal(await page.locator('.assistant .version').innerText(), '2 / 2');
});

browserTest(
  'it asks nothing that was stopped, nothing in another tab, and nothing half a minute later',
  async ({ page, fake, open }) => {
    await waitInLine(page, fake, () => send(page, 'q'));
    await page.click('[data-action="cancel"]:visible');
    await answerState(page, 'stopped');
    await reload(page);
    await waitInLine(page, fake, () => page.click('[data-action="retry"]:visible'));
    const other = await open(new URL(page.url()).hash.replace('#', '/#'));
    await page.goto(`${fake.url}/404.html`);
    await reload(other);
    await answerState(other, 'stopped');
    await page.clock.setFixedTime(Date.now() + 31_000);
    answers(fake);
    await page.goBack();
    await page.waitForSelector('html[data-ready]');
    await answerState(page, 'stopped');
    assert.equal(await page.evaluate(() => sessionStorage.getItem('sluice.2.places')), null, 'it was looked at');
    assert.equal(fake.chats.length, 2);
  },
  { alone: true },
);
