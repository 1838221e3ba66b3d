//! What people miss first in a chat: files, prompts, a palette, a file to share, and a device that forgets.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  answerState,
  browserTest,
  composerText,
  fillIn,
  forget,
  openChat,
  reload,
  send,
  signal,
  titles,
  until,
  useBrowser,
} from '../support/browser.mjs';
import { everything } from '../support/walk-look.mjs';

useBrowser();

const file = (name, mimeType, content) => ({ name, mimeType, buffer: Buffer.from(content) });
const note = (page) => page.locator('#composer-note');

/** Whether one is reminded to export, once the page has decided: it waits for nothing else. */
const reminded = (page) =>
  page.evaluate(async () => {
    const [{ more }] = await Promise.all([import('/js/view/dialogs.js'), import('/js/view/export-note.js')]);
    await more();
    return document.getElementById('export-note') !== null;
  });

browserTest('text files are quoted below what is typed, with an estimate of their tokens', async ({ page, fake }) => {
  await page.fill('#composer-text', 'Read this:');
  await page.setInputFiles('#attach-file', [
    file('a.py', 'text/x-python', 'print("hi")\r\n'),
    file('notes.md', '', 'A fence:\n```\ncode\n```\n'),
    file('b.bin', '', Buffer.from([0xff, 0xfe, 0])),
    file('c.pdf', 'application/pdf', '%PDF'),
  ]);
  const quoted =
    'Read this:\n\na.py:\n\n```py\nprint("hi")\n```\n\nnotes.md:\n\n````md\nA fence:\n```\ncode\n```\n````\n\n';
  await fillIn(page, quoted);
  await until(async () =>
    /2 files are no images .* 2 files quoted: about 9 tokens\./.test(await note(page).innerText()),
  );
  await page.press('#composer-text', 'Enter');
  await answerState(page, 'done');
  assert.equal(fake.chats[0].messages[0].content, quoted);
});

browserTest('files are for the conversation that was shown when they came', async ({ page }) => {
  const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
  await send(page, 'one');
  await answerState(page, 'done');
  const slow = signal();
  await page.route('**/js/view/files.js', async (route) => {
    await slow;
    await route.continue();
  });
  await page.setInputFiles('#attach-file', [
    file('a.txt', 'text/plain', 'mine'),
    { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from(PIXEL, 'base64') },
  ]);
  await page.click('#new-chat');
  await page.fill('#composer-text', 'two');
  slow.fire();
  await page.waitForFunction(() => document.getElementById('attach-file').value === '');
  assert.equal(await composerText(page), 'two');
  assert.equal(await page.locator('#attachments li').count(), 0);
  await openChat(page, 'one');
  await fillIn(page, 'a.txt:\n\n```txt\nmine\n```\n\n');
  await until(async () => (await page.locator('#attachments li').count()) === 1, 'the image');
});

browserTest(
  'a prompt is saved, put into the field, changed and deleted, and is there after a reload',
  async ({ page }) => {
    await page.click('#open-prompts');
    await page.fill('#prompt-name', 'tone');
    await page.fill('#prompt-text', 'Friendlier, please:');
    await page.click('#prompt-save');
    await reload(page);
    await page.fill('#composer-text', 'Text.');
    await page.click('#open-prompts');
    await page.click('#prompt-list [data-does="use"]');
    await fillIn(page, 'Text.\n\nFriendlier, please:\n\n');
    await page.click('#open-prompts');
    await page.click('#prompt-list [data-does="edit"]');
    await page.fill('#prompt-text', 'Shorter, please:');
    await page.click('#prompt-save');
    assert.equal(await page.locator('#prompt-list li').count(), 1);
    assert.match(await page.evaluate(() => localStorage.getItem('sluice.prompts')), /Shorter/);
    await page.click('#prompt-list [data-does="remove"]');
    await page.locator('#prompt-none').waitFor();
  },
);

browserTest('a prompt that is half typed, or deleted by one press too many, is not lost', async ({ page }) => {
  const note = (words) => page.locator('#prompt-note', { hasText: words }).waitFor();
  await page.click('#open-prompts');
  await page.fill('#prompt-text', 'Friendlier,');
  await page.keyboard.press('Escape');
  await page.click('#open-prompts');
  assert.equal(await page.inputValue('#prompt-text'), 'Friendlier,');
  await page.fill('#prompt-name', 'tone');
  await page.click('#prompt-save');
  await note('Saved');
  await page.click('#prompt-list [data-does="remove"]');
  await note('Deleted');
  await page.click('#prompt-save');
  await page.locator('#prompt-list [data-does="use"]', { hasText: 'tone' }).click();
  await fillIn(page, 'Friendlier,\n\n');
});

browserTest(
  'Ctrl K finds a conversation by a word in it, a command and a model, by keyboard alone',
  async ({ page, fake }) => {
    const openPalette = async () => {
      await page.keyboard.press('Control+k');
      await page.locator('#palette').waitFor();
    };
    fake.onChat = async (stream) => {
      await stream.say('Quicksilver.');
      await stream.done();
    };
    await send(page, 'What is mercury?');
    await answerState(page, 'done');
    await openPalette();
    await page.keyboard.type('new');
    await page.locator('[role=option][aria-selected=true]', { hasText: 'New conversation' }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('#empty').waitFor();
    await openPalette();
    await page.keyboard.type('quicksilver');
    await page.locator('[role=option]', { hasText: 'What is mercury?' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Quicksilver.').waitFor();
    await openPalette();
    await page.keyboard.type('qwen');
    await page.locator('[role=option]', { hasText: 'qwen3:8b' }).waitFor();
    await page.keyboard.press('Enter');
    await until(async () => (await page.inputValue('#model')) === 'qwen3:8b');
    await openPalette();
    await page.keyboard.type('no such thing');
    await page.locator('#palette-none').waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#palette').isVisible(), false);
  },
);

browserTest('Enter in Ctrl K is for what is typed, also while conversations are still read', async ({ page }) => {
  for (const words of ['one', 'two']) {
    await page.click('#new-chat');
    await send(page, words);
    await answerState(page, 'done');
  }
  await reload(page);
  const slow = signal();
  await page.route('**/js/state/whole.js', async (route) => {
    await slow;
    await route.continue();
  });
  await page.keyboard.press('Control+k');
  await page.locator('[role=option]', { hasText: 'qwen3:8b' }).waitFor();
  await page.keyboard.type('qwen');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(100);
  slow.fire();
  await until(async () => (await page.inputValue('#model')) === 'qwen3:8b');
  assert.equal(await page.locator('#palette').isVisible(), false);
});

browserTest(
  'a shared file has the conversation in it, asks for nothing, and runs nothing',
  async ({ page, fake, context }) => {
    const attack = '<img src=x onerror=alert(1)>';
    fake.onChat = async (stream) => {
      await stream.say(`**Bold** ${attack}\n\n`, '```js\nif (a < b) f();\n```\n\n| a |\n|---|\n| |\n\nand $x^2$.');
      await stream.done();
    };
    await send(page, `1 < 2 & ${attack}`);
    await answerState(page, 'done');
    await page.click('#open-settings');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-html')]);
    assert.match(download.suggestedFilename(), /^1 +2 .*\.html$/);
    const html = readFileSync(await download.path(), 'utf8');
    const shared = await context.newPage();
    const asked = [];
    shared.on('request', (request) => asked.push(request.url()));
    shared.on('dialog', (dialog) => asked.push(dialog.message()));
    await shared.route('**/shared.html', (route) => route.fulfill({ contentType: 'text/html', body: html }));
    await shared.goto(`${fake.url}/shared.html`);
    assert.equal(asked.length, 1, asked.join());
    assert.equal(await shared.locator('.user').innerText(), `1 < 2 & ${attack}`);
    assert.equal(await shared.locator('.assistant strong').innerText(), 'Bold');
    assert.equal((await shared.locator('pre').innerText()).trim(), 'if (a < b) f();');
    const bidi = await shared.locator('pre').evaluate((node) => getComputedStyle(node).unicodeBidi);
    assert.equal(bidi, 'isolate', 'code in words of another script');
    assert.equal(await shared.locator('.assistant table td').count(), 1);
    assert.equal(await shared.locator('math').count(), 1);
    assert.equal(await shared.locator('img, script, button, [onerror]').count(), 0);
  },
);

browserTest('a device forgets everything when it is told to, in every tab', async ({ page, fake, open }) => {
  await send(page, 'a secret');
  await answerState(page, 'done');
  const other = await open(await page.evaluate(() => `/${location.hash}`));
  await other.getByText('Hello there.').waitFor();
  await other.fill('#composer-text', 'half a secret');
  const dashboard = await open('/dashboard/');
  const asleep = await open(); // no part of the page runs there meanwhile
  for (const tab of [page, other, dashboard, asleep])
    await tab.evaluate(() => (sessionStorage['sluice.key'] = 'a key'));
  await asleep.goto(`${fake.url}/nothing`);
  await page.evaluate(() => (localStorage['sluice.key'] = 'a key'));
  await forget(page);
  for (const tab of [page, other]) {
    await tab.waitForURL(`${fake.url}/`);
    await tab.waitForSelector('html[data-ready]');
    await tab.locator('#empty').waitFor();
    assert.equal(await composerText(tab), '');
    assert.deepEqual(await titles(tab), []);
  }
  await asleep.goto(fake.url);
  await asleep.waitForSelector('html[data-ready]');
  const keyOf = (tab) => tab.evaluate(() => sessionStorage.getItem('sluice.key')).catch(() => 'a page that goes');
  for (const tab of [page, other, asleep, dashboard]) await until(async () => (await keyOf(tab)) === null, 'the key');
  const left = Array.from(await everything(page))
    .flat()
    .join(' ');
  assert.doesNotMatch(left, /secret|a key/);
});

browserTest('who has many conversations is reminded to export them, until they have', async ({ page }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await reload(page);
  assert.equal(await reminded(page), false);
  const chat = (index) => ({
    ...{
      id: index.toString(16).padStart(16, '0'),
      title: `c${index}`,
      created: 1,
      updated: 1,
      settingsAt: 1,
      model: '',
    },
    ...{ system: '', think: '', options: {}, pinned: false, messages: [], leaf: '', leafAt: 1 },
  });
  const chats = Array.from({ length: 25 }, (_, index) => ({
    ...chat(index),
    messages: [{ id: 'a'.repeat(16), parent: '', role: 'user', content: 'q', created: 1, at: 1 }],
    leaf: 'a'.repeat(16),
  }));
  await page.click('#open-settings');
  await page.waitForSelector('#settings-dialog[open]');
  const buffer = Buffer.from(JSON.stringify({ format: 'sluice-chats', version: 2, chats }));
  await page.setInputFiles('#import-file', { name: 'x.json', mimeType: 'application/json', buffer });
  await page.getByText('25 conversations imported.').first().waitFor();
  await reload(page);
  await page.locator('#export-note').waitFor();
  await page.getByRole('button', { name: 'Export…', exact: true }).click();
  await Promise.all([page.waitForEvent('download'), page.click('#export-json')]);
  await page.locator('#export-note').waitFor({ state: 'detached' });
  await reload(page);
  assert.equal(await reminded(page), false);
});

browserTest(
  "an operator's word that one has closed stays closed; another one is shown",
  async ({ page, fake }) => {
    await page.getByText('Maintenance on Friday').waitFor();
    await page.click('#banner-close');
    await reload(page);
    assert.equal(await page.locator('#banner').isVisible(), false);
    fake.health = { ...fake.health, note: 'Maintenance on Sunday' };
    await reload(page);
    await page.getByText('Maintenance on Sunday').waitFor();
  },
  { setUp: (fake) => (fake.health = { ...fake.health, note: 'Maintenance on Friday' }) },
);

browserTest('a long file is taken while one is told so; the rows of the list that are there stay', async ({ page }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.click('#open-settings');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-json')]);
  const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
  const [one] = file.chats;
  file.chats = Array.from({ length: 90 }, (_, at) => ({
    ...one,
    id: String(at).padStart(16, '0'),
    title: `no. ${at}`,
  }));
  const said = await page.evaluateHandle(() => {
    document.querySelector('.chat-item').dataset.seen = '';
    const said = [];
    new MutationObserver(() => said.push(document.getElementById('settings-note').textContent)).observe(
      document.getElementById('settings-note'),
      { childList: true },
    );
    return said;
  });
  const buffer = Buffer.from(JSON.stringify(file));
  await page.setInputFiles('#import-file', { name: 'all.json', mimeType: 'application/json', buffer });
  await until(async () => (await titles(page)).length === 91, 'all are in the list');
  await page.locator('#settings-note', { hasText: '90 conversations imported.' }).waitFor();
  assert.deepEqual(await said.jsonValue(), ['Importing…', '90 conversations imported.']);
  assert.equal(await page.locator('.chat-item[data-seen]').count(), 1);
});
