//! Where conversations are kept, as the server's operator wants it: for computers that many share.

import assert from 'node:assert/strict';
import {
  answerState,
  browserTest,
  composerText,
  forget,
  messages,
  reload,
  send,
  titles,
  until,
  useBrowser,
} from '../support/browser.mjs';
import { everything } from '../support/walk-look.mjs';

useBrowser();

const keeps = (pageHistory) => ({ setUp: (fake) => (fake.health = { ...fake.health, pageHistory }), alone: true });

/** What this origin has on the device: names of databases, and all of localStorage. */
const onDevice = (page) =>
  page.evaluate(async () => ({
    databases: (await indexedDB.databases()).map(({ name }) => name),
    local: JSON.stringify(localStorage),
  }));

browserTest(
  'session: a reload finds everything, another tab and the device have nothing',
  async ({ page, open }) => {
    await page.getByText('gone when you close it').waitFor();
    await send(page, 'a secret');
    await answerState(page, 'done');
    await page.fill('#composer-text', 'half a secret');
    await reload(page);
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['a secret', 'Hello there.']);
    await until(async () => (await composerText(page)) === 'half a secret', 'the draft');
    const other = await open();
    assert.deepEqual(await titles(other), []);
    const { databases, local } = await onDevice(page);
    assert.deepEqual(databases, []);
    assert.doesNotMatch(local, /secret/);
  },
  keeps('session'),
);

browserTest(
  'off: a reload finds nothing, and nothing was anywhere',
  async ({ page }) => {
    await page.getByText('gone when you leave').waitFor();
    await send(page, 'a secret');
    await answerState(page, 'done');
    assert.doesNotMatch(await page.evaluate(() => JSON.stringify(sessionStorage)), /secret/);
    await reload(page);
    assert.deepEqual(await titles(page), []);
    const { databases, local } = await onDevice(page);
    assert.deepEqual(databases, []);
    assert.doesNotMatch(local, /secret/);
  },
  keeps('off'),
);

browserTest(
  'a server that has changed its mind is heard at once, and one that says nothing keeps conversations',
  async ({ page, fake }) => {
    await send(page, 'one');
    await answerState(page, 'done');
    fake.health = { ...fake.health, pageHistory: 'off' };
    await reload(page);
    await page.getByText('gone when you leave').waitFor();
    assert.deepEqual(await titles(page), [], 'what is on the device is not shown');
    fake.health = { ...fake.health, pageHistory: 'device' };
    await reload(page);
    await page.locator('.chat-open', { hasText: 'one' }).waitFor(); // it is there still
  },
  { alone: true },
);

browserTest(
  'session: what one tab is told to forget goes from the others too',
  async ({ page, open }) => {
    const other = await open();
    for (const tab of [page, other]) {
      await send(tab, 'a secret');
      await answerState(tab, 'done');
    }
    await forget(page);
    for (const tab of [page, other]) {
      await tab.locator('#empty').waitFor();
      await tab.waitForSelector('html[data-ready]');
      assert.deepEqual(await titles(tab), []);
      assert.doesNotMatch(await tab.evaluate(() => JSON.stringify(sessionStorage)), /secret/);
    }
    await send(other, 'another');
    await answerState(other, 'done');
    await reload(other);
    assert.deepEqual(await titles(other), ['another'], 'what is said from then on stays');
  },
  keeps('session'),
);

browserTest(
  'off: what lies on the device from before is forgotten too',
  async ({ page, fake }) => {
    await send(page, 'a secret');
    await answerState(page, 'done');
    fake.health = { ...fake.health, pageHistory: 'off' };
    await reload(page);
    await page.getByText('gone when you leave').waitFor();
    await forget(page);
    await page.locator('#settings-dialog').waitFor({ state: 'detached' });
    await page.waitForSelector('html[data-ready]');
    fake.health = { ...fake.health, pageHistory: 'device' };
    await reload(page);
    await page.getByText('gone when you leave').waitFor({ state: 'hidden' });
    assert.deepEqual(await titles(page), []);
    assert.doesNotMatch(Array.from(await everything(page)).join(' '), /secret/);
  },
  { alone: true },
);
