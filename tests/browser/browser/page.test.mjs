//! The page as a whole: its size, its policy, offline, languages, one's own data.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import {
  answerState,
  answerText,
  browserTest,
  fillIn,
  messages,
  reload,
  send,
  until,
  useBrowser,
} from '../support/browser.mjs';

useBrowser();

const KB = 1024;

/** Opens the page cold and counts what it loads: until its load event, and once it is at rest; `asked` and `loaded` go on growing. */
async function load(context, url) {
  const page = await context.newPage();
  const [asked, loaded] = [[], []];
  let usable;
  const gather = (type, list) =>
    page.on(type, (request) => new URL(request.url()).pathname.startsWith('/api/') || list.push(request));
  gather('request', asked);
  gather('requestfinished', loaded);
  page.on('load', () => (usable = loaded.length));
  await page.goto(url, { waitUntil: 'networkidle' });
  await page.waitForSelector('html[data-ready]');
  const { gzip } = await sizes(loaded);
  return { page, asked, loaded, usable, bytes: gzip };
}

/** The bytes of what was loaded, as the static component's build compresses them. */
async function sizes(requests) {
  const total = { gzip: 0, brotli: 0 };
  for (const request of requests) {
    const body = await (await request.response()).body();
    total.gzip += gzipSync(body, { level: 9 }).length;
    total.brotli += brotliCompressSync(body).length;
  }
  return total;
}

/** Waits until so many of the requests that match have their answers. */
async function arrived(requests, patterns, count) {
  const matching = () => requests.filter((request) => patterns.some((pattern) => pattern.test(request.url())));
  await until(() => matching().length === count, `${count} of ${patterns}`);
  return matching();
}

for (const locale of ['en-US', 'de-AT'])
  browserTest(
    `the first load and a first answer of plain paragraphs: at most 16 requests until one can type, 80 KB in all (${locale})`,
    async ({ fake, context }) => {
      const { page, asked, loaded, usable, bytes } = await load(context, fake.url);
      const requests = loaded.length;
      assert.ok(usable <= 16, `${usable} requests until the load event`);
      fake.onChat = async (stream) => {
        await stream.say('Water flows ', 'down.\n\nIt does so ', 'everywhere, since 1687.');
        await stream.done();
      };
      await send(page, 'Where does it go?');
      await answerState(page, 'done');
      await until(() => loaded.length === asked.length, 'all that the answer made the page ask for');
      const { gzip, brotli } = await sizes(loaded);
      console.log(
        `${locale}: ${usable} requests until it is usable, ${requests} in all, ${bytes} bytes gzip; ` +
          `with a plain answer ${gzip} gzip, ${brotli} brotli`,
      );
      assert.ok(gzip <= 80 * KB, `${gzip} bytes`);
    },
    { path: '', locale },
  );

browserTest(
  'the first sign of Markdown costs at most 40 KB more, and only then',
  async ({ fake, context }) => {
    const { page } = await load(context, fake.url);
    const renderer = [];
    page.on('requestfinished', (request) => renderer.push(request));
    fake.onChat = async (stream) => {
      await stream.say('It is **this**.');
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    const files = await arrived(
      renderer,
      [/\/md\/(blocks|morph|render|stream|tail)\./, /\/(marked|dompurify)-/, /md\.css$/],
      8,
    );
    const { gzip, brotli } = await sizes(files);
    console.log(`the renderer: ${(gzip / KB).toFixed(1)} KB gzip, ${(brotli / KB).toFixed(1)} KB brotli`);
    assert.ok(gzip <= 40 * KB, `${gzip} bytes`);
  },
  { path: '' },
);

browserTest(
  "the first code costs at most 30 KB more; the dashboard's charts too",
  async ({ fake, context }) => {
    const { page } = await load(context, fake.url);
    const late = [];
    page.on('requestfinished', (request) => late.push(request));
    fake.onChat = async (stream) => {
      await stream.say('```rust\nfn main() {}\n```\n');
      await stream.done();
    };
    await send(page, 'q');
    await page.waitForSelector('.hljs-keyword');
    const code = await arrived(late, [/highlight/, /hljs\.css$/], 4); // the caller, the core, the language, the colours
    const { gzip: bytes } = await sizes(code);
    assert.ok(bytes <= 30 * KB, `code: ${bytes} bytes`);
    const board = await load(context, `${fake.url}/dashboard/`);
    assert.ok(board.bytes <= 60 * KB, `dashboard: ${board.bytes} bytes in all`);
  },
  { path: '' },
);

browserTest(
  'copying works on plain http in a local network, and is said',
  async ({ fake, context }) => {
    const page = await context.newPage();
    await page.goto(`http://lan.test:${fake.port}/`);
    await page.waitForSelector('html[data-ready]');
    assert.equal(await page.evaluate(() => window.isSecureContext), false);
    fake.onChat = async (stream) => {
      await stream.say('```\nexact  code\n```\n');
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    await page.click('[data-action="copy-code"]');
    await until(async () => (await page.locator('#status').innerText()) === 'Copied');
    await page.focus('#composer-text');
    await page.keyboard.press('Control+V');
    await fillIn(page, 'exact  code');
  },
  { path: '', allow: /request to http:\/\/lan\.test/ },
);

browserTest(
  'offline, the shell and the conversations are there, and sending says why it cannot',
  async ({ page, context }) => {
    await send(page, 'before');
    await answerState(page, 'done');
    await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null));
    const kept = await page.evaluate(async () => {
      const shell = await caches.match('/', { ignoreVary: true });
      return [shell?.headers.get('content-type'), await shell?.text()];
    });
    assert.match(kept[0] ?? '', /^text\/html/);
    assert.match(kept[1] ?? '', /^<!doctype html>/i);
    await context.setOffline(true);
    await reload(page);
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['before', 'Hello there.']);
    await page.waitForSelector('#banner[data-kind="unreachable"]');
    await send(page, 'now');
    await page.waitForSelector('.card[data-code="offline"], .card[data-code="unreachable"]');
    assert.equal(await page.inputValue('#composer-text'), 'now');
    await context.setOffline(false);
  },
  { serviceWorkers: 'allow' },
);

browserTest('conversations: rename, search in words, delete', async ({ page, fake }) => {
  await send(page, 'About rivers');
  await answerState(page, 'done');
  await page.click('#new-chat');
  fake.onChat = async (stream) => {
    await stream.say('Mountains are high.');
    await stream.done();
  };
  await send(page, 'Something else');
  await answerState(page, 'done');
  const titles = () => page.locator('.chat-open').allInnerTexts();
  await until(async () => (await titles()).join() === 'Something else,About rivers');
  await page.locator('.chat-item').nth(1).hover();
  await page.locator('.chat-item [data-action="rename"]').nth(1).click();
  await page.fill('#ask-input', 'Water');
  await page.keyboard.press('Enter');
  await until(async () => (await titles()).join() === 'Water,Something else');
  await page.fill('#chat-search', 'MOUNTAINS');
  await until(async () => (await titles()).join() === 'Something else');
  await page.fill('#chat-search', 'nowhere to be found');
  await until(async () => (await page.locator('#chat-none').innerText()) === 'Nothing found.');
  await page.fill('#chat-search', '');
  await until(async () => (await titles()).length === 2);
  await page.locator('.chat-item').nth(1).hover();
  await page.locator('.chat-item [data-action="remove"]').nth(1).click();
  await page.click('#ask-yes');
  await until(async () => (await titles()).join() === 'Water');
  await page.locator('#empty').waitFor();
  await reload(page);
  await until(async () => (await titles()).join() === 'Water');
});

browserTest('conversations stand under their days, and pinned ones above all', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  await page.click('#new-chat');
  await page.locator('#empty').waitFor();
  await send(page, 'second');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  const listed = () => page.locator('.chat-group, .chat-open').allInnerTexts();
  await until(async () => (await listed()).join() === 'Today,second,first');
  await page.locator('.chat-item').nth(1).hover();
  await page.locator('.chat-item [data-action="pin"]').nth(1).click();
  await until(async () => (await listed()).join() === 'Pinned,first,Today,second');
  await page.waitForTimeout(1_300);
  await reload(page);
  await until(async () => (await listed()).join() === 'Pinned,first,Today,second');
});

browserTest('an empty conversation offers a beginning', async ({ page }) => {
  await page.click('#starters button');
  assert.equal(await page.inputValue('#composer-text'), 'Explain to me how ');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'composer-text');
});

browserTest('export and import give the same; a broken file takes nothing', async ({ page, context, fake }) => {
  await send(page, 'keep me');
  await answerState(page, 'done');
  await page.click('#open-settings');
  const [json] = await Promise.all([page.waitForEvent('download'), page.click('#export-json')]);
  const [markdown] = await Promise.all([page.waitForEvent('download'), page.click('#export-markdown')]);
  const file = await json.path();
  assert.equal(
    readFileSync(await markdown.path(), 'utf8'),
    '# keep me\n\n## You\n\nkeep me\n\n## Model\n\nHello there.\n',
  );
  assert.equal(markdown.suggestedFilename(), 'keep me.md');
  await page.click('#settings-dialog button[type=submit]');
  await page.hover('.chat-item');
  await page.click('.chat-item [data-action="remove"]');
  await page.click('#ask-yes');
  await until(async () => (await page.locator('.chat-open').count()) === 0);
  await page.click('#open-settings');
  await page.locator('#settings-dialog').waitFor();
  const note = page.locator('#settings-note');
  await page.setInputFiles('#import-file', {
    name: 'x.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"format":"other"}'),
  });
  await until(async () => /not an export/.test(await note.innerText()));
  await page.setInputFiles('#import-file', {
    name: 'x.json',
    mimeType: 'application/json',
    buffer: readFileSync(file),
  });
  await until(async () => (await note.innerText()) === '1 conversation imported.');
  await page.click('#settings-dialog button[type=submit]');
  await page.click('.chat-open');
  await until(async () => (await messages(page)).join('|') === 'keep me|Hello there.');
});

browserTest('long conversations show the last 60 messages, and the earlier ones when asked', async ({ page }) => {
  const message = (index) => ({
    id: index.toString(16).padStart(16, '0'),
    role: index % 2 ? 'assistant' : 'user',
    content: `m${index}`,
    created: index,
    at: index,
    state: 'done',
  });
  const chat = {
    id: 'a'.repeat(16),
    version: 1,
    title: 'Long',
    created: 0,
    updated: 1,
    model: '',
    system: '',
    think: '',
    options: {},
    messages: Array.from({ length: 100 }, (_, index) => message(index)),
    gone: [],
  };
  await page.click('#open-settings');
  await page.locator('#settings-dialog').waitFor();
  await page.setInputFiles('#import-file', {
    name: 'x.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify({ format: 'sluice-chats', version: 1, chats: [chat] })),
  });
  await page.waitForFunction(() => document.getElementById('settings-note').textContent !== '');
  await page.click('#settings-dialog button[type=submit]');
  await page.click('.chat-open');
  await until(async () => (await messages(page)).length === 60);
  await until(async () => (await messages(page)).at(-1) === 'm99');
  await page.click('#earlier');
  await until(async () => (await messages(page)).length === 100);
  await until(async () => (await messages(page)).slice(0, 2).join() === 'm0,m1');
  assert.equal(await page.locator('#earlier').isVisible(), false);
});

for (const [locale, lang, placeholder] of [
  ['de-AT', 'de', 'Nachricht schreiben'],
  ['en-GB', 'en', 'Write a message'],
  ['fr-FR', 'en', 'Write a message'],
]) {
  browserTest(
    `the browser's language is followed: ${locale}`,
    async ({ page, fake }) => {
      assert.equal(await page.getAttribute('html', 'lang'), lang);
      assert.equal(await page.getAttribute('#composer-text', 'placeholder'), placeholder);
      await send(page, 'q');
      await answerState(page, 'done');
      const keys = await page.evaluate(() => document.body.innerText.match(/\b[a-z]+\.[a-z]+_[a-z_]+\b/g));
      assert.equal(keys, null);
      assert.equal(fake.chats.length, 1);
      assert.equal(await answerText(page), 'Hello there.');
    },
    { locale },
  );
}

browserTest(
  "the theme is the device's until one chooses, and the choice stays",
  async ({ page }) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    assert.equal(await ground(), 'rgb(20, 25, 27)');
    await page.click('#open-settings');
    await page.locator('#settings-dialog').waitFor();
    await page.selectOption('#theme', 'light');
    assert.equal(await ground(), 'rgb(247, 248, 247)');
    await reload(page);
    assert.equal(await ground(), 'rgb(247, 248, 247)');
  },
  { colorScheme: 'dark' },
);

browserTest('an address that leads nowhere has a page that leads back', async ({ page, fake }) => {
  const response = await page.goto(`${fake.url}/nowhere`);
  assert.equal(response.status(), 404);
  await page.click('a');
  await page.waitForSelector('html[data-ready]');
});
