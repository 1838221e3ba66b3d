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
  signal,
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
    await page.getByText('A browser can reopen a closed tab').waitFor();
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

/** A page of a server that does not say yet how it is. */
async function untold(fake, context) {
  const page = await context.newPage();
  const told = signal();
  await page.route('**/api/health', (route) => told.then(() => route.continue()));
  await page.goto(fake.url);
  await page.waitForSelector('html[data-ready]');
  await send(page, 'a secret');
  await answerState(page, 'done');
  await page.click('#new-chat');
  await page.fill('#composer-text', 'half a secret');
  await page.click('#open-prompts');
  await page.fill('#prompt-name', 'tone');
  await page.fill('#prompt-text', 'A secret tone');
  await page.click('#prompt-save');
  await page.keyboard.press('Escape');
  await page.evaluate(() => window.dispatchEvent(new Event('pagehide'))); // writes what is to be written
  const { databases, local } = await onDevice(page);
  assert.deepEqual(databases, []);
  assert.doesNotMatch(local, /secret/);
  return { page, told };
}

browserTest(
  'until the server has said where, nothing is on the device; off: nor afterwards',
  async ({ fake, context }) => {
    const { page, told } = await untold(fake, context);
    told.fire();
    await page.getByText('gone when you leave').waitFor();
    assert.deepEqual(await titles(page), ['a secret']);
    assert.equal(await composerText(page), 'half a secret');
    const { databases, local } = await onDevice(page);
    assert.deepEqual(databases, []);
    assert.doesNotMatch(local, /secret/);
  },
  { ...keeps('off'), path: '' },
);

browserTest(
  'device: what was said before the server spoke is there afterwards, and stays',
  async ({ fake, context, open }) => {
    const { page, told } = await untold(fake, context);
    told.fire();
    await until(async () => JSON.stringify(await onDevice(page).catch(() => '')).includes('sluice-2'), 'on the device');
    await until(async () => (await titles(page).catch(() => [])).join() === 'a secret', 'the list');
    await until(async () => (await composerText(page)) === 'half a secret', 'the draft');
    const other = await open();
    assert.deepEqual((await titles(other)).toSorted(), ['Draft: half a secret', 'a secret']);
    await other.click('#open-prompts');
    await other.locator('#prompt-list', { hasText: 'tone' }).waitFor();
  },
  { alone: true, path: '' },
);

browserTest(
  'off: the Back button does not bring a page back from the memory of the browser',
  async ({ page }) => {
    await page.getByText('gone when you leave').waitFor();
    await send(page, 'a secret');
    await answerState(page, 'done');
    const again = page.waitForEvent('load');
    await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await again;
    await page.waitForSelector('html[data-ready]');
    assert.deepEqual(await titles(page), []);
  },
  keeps('off'),
);
