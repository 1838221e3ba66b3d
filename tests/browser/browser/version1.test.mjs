//! Nothing of version 1 is lost: what its page has written, writes later, or could not write.

import assert from 'node:assert/strict';
import {
  answerState,
  askToDelete,
  browserTest,
  composerText,
  fillIn,
  messages,
  openChat,
  reload,
  send,
  titles,
  until,
  useBrowser,
} from '../support/browser.mjs';
import { chats, DUMP, putVersion1, readVersion1 } from '../support/version1.mjs';

useBrowser();

const TITLES = ['This one is on its way', 'This one breaks off', 'One message less', 'First of all'];

/** A page with version 1's records under it. */
async function upgraded({ context, open, fake }, what) {
  const blank = await context.newPage();
  await blank.goto(`${fake.url}/manifest.webmanifest`);
  await putVersion1(blank, what);
  const page = await open();
  return { blank, page };
}

const listed = (page, wanted) => until(async () => (await titles(page)).join('|') === wanted.join('|'), wanted.join());

browserTest(
  'every conversation, image and draft of version 1 is there, and nothing that was deleted',
  async (stage) => {
    const { page } = await upgraded(stage);
    await listed(page, TITLES);
    await openChat(page, 'First of all');
    await until(
      async () => (await messages(page)).join('|') === 'First of all|Hello there.|With a picture|Hello there.',
    );
    await until(() => page.evaluate(() => document.querySelector('.bubble img')?.naturalWidth === 2));
    await fillIn(page, 'a draft in the first');
    await openChat(page, 'One message less');
    await until(async () => (await messages(page)).join('|') === 'One message less|Hello there.|Hello there.');
    await openChat(page, 'This one is on its way');
    await page.waitForSelector('.card[data-code="interrupted"]');
    assert.deepEqual(await messages(page), ['This one is on its way', 'On its way']);
    assert.equal(await composerText(page), '');
    await reload(page);
    await page.waitForSelector('.card[data-code="interrupted"]');
    assert.deepEqual(await titles(page), TITLES);
  },
  { path: '' },
);

browserTest(
  'the images of version 1 go along with the next question',
  async (stage) => {
    const { page } = await upgraded(stage);
    await openChat(page, 'First of all');
    await fillIn(page, 'a draft in the first');
    await page.press('#composer-text', 'Enter');
    await until(() => stage.fake.chats.length === 1);
    const data = chats.get('First of all').messages[2].images;
    assert.deepEqual(stage.fake.chats[0].messages[2].images, data);
  },
  { path: '' },
);

browserTest(
  'what a tab of version 1 writes later is merged; what it removes goes, but what was gone on with here',
  async (stage) => {
    const { page, blank } = await upgraded(stage);
    await listed(page, TITLES);
    await openChat(page, 'This one is on its way');
    await page.waitForSelector('.card[data-code="interrupted"]');
    const chat = structuredClone(chats.get('This one is on its way'));
    const grow = async (content, more) => {
      chat.updated += 1_000;
      Object.assign(chat.messages[1], { content, at: chat.updated }, more);
      await putVersion1(blank, { records: [[`chat:${chat.id}`, chat]], left: null, speak: [chat.id] });
    };
    await grow('On its way home');
    await until(async () => (await messages(page)).at(-1) === 'On its way home');
    await page.waitForSelector('[data-state="elsewhere"]');
    await grow('On its way home.', { state: 'done' });
    await answerState(page, 'done');
    await send(page, 'and now?');
    await answerState(page, 'done');
    await grow('On its way home. Late.', { state: 'done' });
    await until(async () => (await messages(page))[1] === 'On its way home. Late.');
    assert.equal((await messages(page)).length, 4, 'the path that was gone on with here stays');

    const other = chats.get('One message less');
    const removal = ({ id }) => ['chat', 'meta', 'draft'].map((kind) => [`${kind}:${id}`, null]);
    await putVersion1(blank, { records: removal(other), left: null, speak: [other.id] });
    await listed(page, ['This one is on its way', 'This one breaks off', 'First of all']);
    await putVersion1(blank, { records: removal(chat), left: null, speak: [chat.id] });
    await reload(page);
    await answerState(page, 'done');
    assert.equal((await messages(page)).length, 4);
  },
  { path: '' },
);

browserTest(
  'what a page of version 1 could not write any more is taken up once',
  async (stage) => {
    const chat = structuredClone(chats.get('First of all'));
    const late = {
      id: 'f'.repeat(16),
      role: 'user',
      content: 'late words',
      created: chat.updated + 5,
      at: chat.updated,
    };
    chat.messages.push(late);
    chat.updated += 5;
    const left = JSON.stringify({ chats: [chat], drafts: [[chat.id, 'a later draft']] });
    const { page } = await upgraded(stage, { left });
    await openChat(page, 'First of all');
    await until(async () => (await messages(page)).at(-1) === 'late words');
    await fillIn(page, 'a later draft');
    assert.equal(await page.evaluate(() => localStorage.getItem('sluice.left')), null);
  },
  { path: '' },
);

browserTest(
  'what is deleted here is deleted in version 1, and does not come back',
  async (stage) => {
    const { page } = await upgraded(stage);
    await openChat(page, 'First of all');
    await askToDelete(page.locator('.chat-item[data-current]'));
    await page.click('#ask-yes');
    const rest = TITLES.filter((title) => title !== 'First of all');
    await listed(page, rest);
    const { id } = chats.get('First of all');
    await until(async () => !(await readVersion1(page)).some(([key]) => key.endsWith(id)));
    await reload(page);
    await listed(page, rest);
  },
  { path: '' },
);

browserTest(
  'a disk that is full in the middle: all can be read, nothing of version 1 goes, and it is taken later',
  async (stage) => {
    const { page: first } = await upgraded({ ...stage, open: async () => {} });
    assert.equal(first, undefined);
    const page = await stage.context.newPage();
    await page.addInitScript(() => {
      const put = IDBObjectStore.prototype.put;
      window.room = 5; // a chat, its meta, an image, a draft, a note: about one conversation
      IDBObjectStore.prototype.put = function (...args) {
        if (window.room-- <= 0) throw new DOMException('full', 'QuotaExceededError');
        return put.apply(this, args);
      };
    });
    await page.goto(stage.fake.url);
    await page.waitForSelector('#storage-note:not([hidden])');
    await listed(page, TITLES);
    for (const title of TITLES) {
      await openChat(page, title);
      await until(async () => (await messages(page))[0] === title);
    }
    assert.equal((await readVersion1(page)).length, DUMP.records.length);
    await page.evaluate(() => (window.room = Infinity));
    await page.waitForSelector('#storage-note', { state: 'hidden' });
    const again = await stage.open();
    await listed(again, TITLES);
    await openChat(again, 'First of all');
    await until(() => again.evaluate(() => document.querySelector('.bubble img')?.naturalWidth === 2));
  },
  { path: '' },
);

browserTest(
  'version 1 is deleted after 30 days, and what was taken stays',
  async (stage) => {
    const { page } = await upgraded(stage);
    await listed(page, TITLES);
    await until(async () => (await readVersion1(page)) !== null);
    const later = await stage.context.newPage();
    await later.clock.install({ time: Date.now() + 31 * 86_400_000 });
    await page.close();
    await later.goto(stage.fake.url);
    await later.waitForSelector('html[data-ready]');
    await until(async () => (await readVersion1(later)) === null, 'the old database is gone');
    await listed(later, TITLES);
    await reload(later);
    await listed(later, TITLES);
  },
  { path: '', alone: true },
);

browserTest('a browser without version 1 gets no database of it', async ({ page }) => {
  await send(page, 'q');
  await answerState(page, 'done');
  assert.equal(await readVersion1(page), null);
});
