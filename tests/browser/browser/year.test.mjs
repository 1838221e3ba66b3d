//! A year of conversations in the page of version 1, upgraded in the middle of an answer, in two tabs: nothing is lost.

import assert from 'node:assert/strict';
import {
  answerState,
  answerText,
  browserTest,
  composerText,
  fillIn,
  messages,
  reload,
  send,
  signal,
  until,
  useBrowser,
} from '../support/browser.mjs';
import { everything } from '../support/walk-look.mjs';
import { putVersion1, release } from '../support/version1.mjs';
import { yearOf } from '../support/year.mjs';

useBrowser();

/** On a machine that does other things too; alone it takes a few seconds. */
const TAKING_MS = 120_000;

/** A conversation as somebody sees it, from a record of version 1. */
const seenBefore = ({ messages, ...chat }) => ({
  ...settingsOf(chat),
  messages: messages.map((message) => ({ ...saidIn(message), images: message.images ?? [] })),
});

/** The same from today's records. */
function seenAfter(records, id) {
  const { messages, leaf, ...chat } = JSON.parse(records.get(`chat:${id}`));
  const byId = new Map(messages.map((message) => [message.id, message]));
  const path = [];
  for (let at = byId.get(leaf); at; at = byId.get(at.parent)) path.unshift(at);
  assert.equal(path.length, messages.length, 'every message is on the path');
  const image = (name) => JSON.parse(records.get(`image:${id}:${name}`) ?? 'null');
  return {
    ...settingsOf(chat),
    messages: path.map((message) => ({ ...saidIn(message), images: (message.images ?? []).map(image) })),
  };
}

const settingsOf = ({ title, created, updated, model, system, think, options }) => ({
  ...{ title, created, updated, model, system, think, options },
});

const saidIn = ({ id, role, content, created, thinking = '', model = '', error = null, stats = null, state }) => ({
  ...{ id, role, content, created, thinking, model, error, stats },
  state: role === 'user' ? null : (state ?? 'running'),
});

const ids = (records, kind) =>
  Array.from(records.keys())
    .filter((key) => key.startsWith(`${kind}:`))
    .map((key) => key.slice(kind.length + 1));

/** What version 1 has written of what is typed in a conversation: it does so after 300 ms, and says nothing of it. */
const draftIn = (page, id) =>
  page.evaluate(
    (id) =>
      new Promise((resolve, reject) => {
        const open = indexedDB.open('sluice');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
          const found = open.result.transaction('chats').objectStore('chats').get(`draft:${id}`);
          found.transaction.oncomplete = () => (open.result.close(), resolve(found.result));
        };
      }),
    id,
  );

/** How many are taken, and that it has begun; asked now and then, since to ask holds up what is counted. */
async function takenIn(page) {
  await page.waitForTimeout(500);
  return page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const open = indexedDB.open('sluice-2');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
          const range = IDBKeyRange.bound('taken:', 'taken:\uffff');
          const count = open.result.transaction('records').objectStore('records').count(range);
          count.transaction.oncomplete = () => (open.result.close(), resolve(count.result));
        };
      }),
  );
}

browserTest(
  'a year of conversations in the page of version 1, upgraded in the middle of an answer, in two tabs',
  async ({ fake, context, open }) => {
    const year = yearOf();
    fake.release = release();
    const blank = await context.newPage();
    await blank.goto(`${fake.url}/manifest.webmanifest`);
    await putVersion1(blank, { records: year.records, left: null });
    await blank.close();

    // Two tabs of version 1: in one an answer is on its way, in the other something is typed.
    const [asked, read] = [year.chats[3], year.chats[200]];
    const [first, second] = [await open(`/#${asked.id}`), await open(`/#${read.id}`)];
    assert.equal(await first.evaluate(() => document.scripts[0].src.endsWith('/js/main.js')), true);
    for (const [page, chat] of [
      [first, asked],
      [second, read],
    ]) {
      await until(async () => (await page.locator('.message').count()) === chat.messages.length, 'the conversation');
    }
    const rest = signal();
    let isOver = false;
    void rest.then(() => (isOver = true));
    fake.onChat = async (stream) => {
      await stream.say('Half of ', 'the answer');
      // As a server that is asked for patience: a page gives up one that says nothing for 30 s.
      while (!isOver && !stream.left)
        await Promise.all([stream.say(''), new Promise((resolve) => setTimeout(resolve, 500))]);
      await stream.say(', and its end.');
      await stream.done();
    };
    await send(first, 'asked before the upgrade');
    await until(async () => /Half of the/.test(await answerText(first)), 'half of the answer');
    await second.fill('#composer-text', 'typed before the upgrade');
    await until(
      async () => (await draftIn(second, read.id)) === 'typed before the upgrade',
      'version 1 has written it',
    );

    // The server is upgraded. One tab is loaded anew, and another one opened.
    fake.release = null;
    const started = performance.now();
    await reload(second);
    const third = await open(`/#${asked.id}`);
    await until(
      async () => (await messages(third)).at(-1) === 'Half of the answer',
      'half of the answer, in a new tab',
    );
    await fillIn(second, 'typed before the upgrade');
    await until(async () => (await takenIn(third)) === year.chats.length + 1, 'all are taken', TAKING_MS);
    console.log(`${year.chats.length} conversations taken in ${Math.round(performance.now() - started)} ms`);
    for (const page of [second, third]) {
      await until(async () => (await page.locator('.chat-item').count()) === year.chats.length, 'the list is whole');
    }

    rest.fire();
    await until(async () => (await messages(third)).at(-1) === 'Half of the answer, and its end.', 'the whole answer');
    await answerState(third, 'done');
    await reload(first);
    await answerState(first, 'done');
    assert.deepEqual((await messages(first)).slice(-2), [
      'asked before the upgrade',
      'Half of the answer, and its end.',
    ]);
    assert.equal(await composerText(second), 'typed before the upgrade');

    const records = await everything(first);
    assert.deepEqual(ids(records, 'chat').toSorted(), year.chats.map(({ id }) => id).toSorted());
    for (const chat of year.chats) {
      const [before, after] = [seenBefore(chat), seenAfter(records, chat.id)];
      if (chat === asked) {
        assert.deepEqual(
          after.messages.splice(-2).map(({ content }) => content),
          ['asked before the upgrade', 'Half of the answer, and its end.'],
        );
        before.updated = after.updated;
      }
      assert.deepEqual(after, before);
      const draft = JSON.parse(records.get(`draft:${chat.id}`) ?? 'null')?.text ?? '';
      assert.equal(draft, chat === read ? 'typed before the upgrade' : year.drafts.get(chat.id));
    }
  },
  { path: '', limitMs: 300_000 },
);
