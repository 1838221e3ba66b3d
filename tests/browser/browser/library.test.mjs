//! One owner for each conversation: what is on the screen is what is there after a reload, whoever comes, goes or deletes.

import assert from 'node:assert/strict';
import {
  answerState,
  answerText,
  askToDelete,
  browserTest,
  composerText,
  hide,
  messages,
  openChat,
  reload,
  send,
  signal,
  titles,
  until,
  useBrowser,
} from '../support/browser.mjs';

useBrowser();

const shows = (page, ...words) =>
  until(async () => (await messages(page)).join('|') === words.join('|'), words.join('|')).catch(async (error) =>
    assert.deepEqual(await messages(page), words, error.message),
  );

/** Deletes the conversation with this name. */
async function remove(page, title) {
  await askToDelete(page.locator('.chat-item', { hasText: title }));
  await page.click('#ask-yes');
}

const written = (page) => page.waitForTimeout(1_300); // longer than changes are gathered

browserTest(
  'coming back to a conversation that waits in line finds it waiting, and then its answer',
  async ({ page, fake }) => {
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.place(2);
      await go;
      await stream.say('At last.');
      await stream.done();
    };
    await send(page, 'first');
    await page.waitForSelector('[data-state="queued"]');
    await written(page);
    await page.click('#new-chat');
    await page.locator('#empty').waitFor();
    await openChat(page, 'first');
    await page.waitForSelector('[data-state="queued"]');
    assert.equal(await page.getAttribute('#send', 'data-mode'), 'stop');
    go.fire();
    await answerState(page, 'done');
    await shows(page, 'first', 'At last.');
    assert.equal(await page.getAttribute('#send', 'data-mode'), 'send');
  },
);

for (const where of ['shown', 'in the background']) {
  browserTest(`deleting a conversation that is answered ends the answer: ${where}`, async ({ page, fake }) => {
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.say('word ');
      await go;
      await stream.say('late');
      await stream.done();
    };
    await send(page, 'doomed');
    await page.waitForSelector('[data-state="streaming"]');
    await written(page);
    if (where !== 'shown') await page.click('#new-chat');
    await remove(page, 'doomed');
    await until(() => fake.open === 0, 'the slot is free');
    go.fire();
    await until(async () => (await titles(page)).length === 0);
    await written(page);
    assert.deepEqual(await titles(page), []);
    await reload(page);
    assert.deepEqual(await titles(page), []);
  });
}

browserTest(
  'a deleted conversation leaves no word behind, also after a switch of tabs in its answer',
  async ({ page, fake }) => {
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.say('secret ');
      await go;
      await stream.say('words');
      await stream.done();
    };
    await send(page, 'doomed');
    await until(async () => (await answerText(page)) === 'secret');
    await hide(page, true);
    await hide(page, false);
    go.fire();
    await answerState(page, 'done');
    await remove(page, 'doomed');
    await until(async () => (await titles(page)).length === 0);
    await written(page);
    const left = await page.evaluate(() => JSON.stringify(localStorage));
    assert.doesNotMatch(left, /secret|doomed/);
    const records = await page.evaluate(async () => {
      const { Store } = await import('/js/state/store.js');
      const { everything } = await import('/js/state/whole.js');
      return JSON.stringify(await everything(new Store('device'), [], null));
    });
    assert.doesNotMatch(records, /secret|doomed/);
    await reload(page);
    assert.deepEqual(await titles(page), []);
  },
);

browserTest(
  'a deleted conversation goes from the other tab, and that tab does not write it back',
  async ({ page, open, fake }) => {
    await send(page, 'doomed');
    await answerState(page, 'done');
    const other = await open(await page.evaluate(() => `/${location.hash}`));
    await answerState(other, 'done');
    await other.fill('#composer-text', 'a word of mine');
    await remove(page, 'doomed');
    await other.locator('#empty').waitFor();
    assert.equal(await composerText(other), 'a word of mine', 'what is typed goes along');
    await other.press('#composer-text', 'Enter');
    await answerState(other, 'done');
    assert.equal(fake.chats.at(-1).messages.length, 1);
    await until(async () => (await titles(page)).join() === 'a word of mine');
  },
);

browserTest(
  'what another tab has sent is listed, though a list from before is read to its end later',
  async ({ page, open }) => {
    const other = await open();
    await page.evaluate(() => {
      const { getAll } = IDBObjectStore.prototype;
      window.held = [];
      IDBObjectStore.prototype.getAll = function (...range) {
        const late = {};
        const request = getAll.apply(this, range);
        request.onsuccess = () =>
          window.held.push(() => {
            late.result = request.result;
            late.onsuccess();
          });
        if (window.held.push(() => {}) === 2) IDBObjectStore.prototype.getAll = getAll;
        return late;
      };
    });
    await other.fill('#composer-text', 'a word of mine');
    await until(() => page.evaluate(() => window.held.length === 4), 'the list is read');
    await other.press('#composer-text', 'Enter');
    await answerState(other, 'done');
    await written(page);
    await page.evaluate(() => window.held.forEach((goOn) => goOn()));
    await written(page);
    assert.deepEqual(await titles(page), ['a word of mine']);
  },
);

browserTest('a deletion can be undone', async ({ page }) => {
  await send(page, 'kept');
  await answerState(page, 'done');
  await remove(page, 'kept');
  await until(async () => (await titles(page)).length === 0);
  await page.click('#undo');
  await until(async () => (await titles(page)).join() === 'kept');
  await shows(page, 'kept', 'Hello there.');
  await reload(page);
  await answerState(page, 'done');
  await shows(page, 'kept', 'Hello there.');
});

browserTest(
  'the line is a look, not a way out: its numbers open beside, and a place is kept',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.place(3);
      await stream.closed;
    };
    await send(page, 'q');
    await page.waitForSelector('[data-state="queued"]');
    await page.click('#queue');
    await page.locator('#queue-more').waitFor();
    const [dashboard] = await Promise.all([page.context().waitForEvent('page'), page.click('#queue-more a')]);
    await dashboard.waitForSelector('html[data-ready]');
    assert.deepEqual(fake.deleted, []);
    assert.equal(fake.open, 1);
    assert.equal(await page.locator('[data-state="queued"]').count(), 1);
  },
);

browserTest('an answer is asked for again without losing what followed: both versions stay', async ({ page, fake }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await send(page, 'two');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  fake.onChat = async (stream) => {
    await stream.say('Another.');
    await stream.done();
  };
  await page.locator('.assistant [data-action="retry"]').first().click();
  await shows(page, 'one', 'Another.');
  assert.equal(await page.locator('.assistant .version').innerText(), '2 / 2');
  await page.click('.assistant [data-step="older"]');
  await shows(page, 'one', 'Hello there.', 'two', 'Hello there.');
  await reload(page);
  await shows(page, 'one', 'Hello there.', 'two', 'Hello there.');
  await page.locator('.assistant [data-step="newer"]').first().click();
  await shows(page, 'one', 'Another.');
});

browserTest('a deleted message can be brought back', async ({ page }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.click('.assistant [data-action="delete"]');
  await shows(page, 'one');
  await page.click('#undo');
  await shows(page, 'one', 'Hello there.');
  await written(page);
  await reload(page);
  await shows(page, 'one', 'Hello there.');
});

browserTest('an answer that its limit has cut says so, and can go on', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('One, two');
    await stream.done({ done_reason: 'length' });
  };
  await send(page, 'count');
  await answerState(page, 'done');
  assert.match(await page.locator('.assistant .mark').innerText(), /limit/);
  await reload(page);
  await answerState(page, 'done');
  fake.onChat = async (stream) => {
    await stream.say(', three.');
    await stream.done();
  };
  await page.click('.assistant [data-action="continue"]');
  await shows(page, 'count', 'One, two, three.');
  await answerState(page, 'done');
  assert.equal(await page.locator('.assistant .mark').isVisible(), false);
});

browserTest(
  'a second tab sees an answer that the first one gets as such, and not as broken off',
  async ({ page, open, fake }) => {
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.say('half ');
      await go;
      await stream.say('whole');
      await stream.done();
    };
    await send(page, 'q');
    await page.waitForSelector('[data-state="streaming"]');
    await written(page);
    const other = await open(await page.evaluate(() => `/${location.hash}`));
    await other.waitForSelector('[data-state="elsewhere"] .pending:not([hidden])');
    assert.equal(await other.locator('.card').count(), 0);
    assert.equal(
      await other.locator('.assistant [data-action=delete]').isVisible(),
      false,
      'its next word would undo it',
    );
    go.fire();
    await answerState(other, 'done');
    await shows(other, 'q', 'half whole');
  },
);

browserTest(
  'a clock that goes back does not put a question above an older one',
  async ({ page, context, fake }) => {
    await context.clock.setFixedTime(Date.now() + 3_600_000);
    await reload(page);
    await send(page, 'one');
    await answerState(page, 'done');
    await context.clock.setFixedTime(Date.now());
    await send(page, 'two');
    await until(() => fake.chats.length === 2);
    await answerState(page, 'done');
    await shows(page, 'one', 'Hello there.', 'two', 'Hello there.');
    await reload(page);
    await shows(page, 'one', 'Hello there.', 'two', 'Hello there.');
  },
  { alone: true },
);

browserTest('one write that fails is made up for, and the warning goes', async ({ page, fake }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.evaluate(() => {
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    setTimeout(() => (IDBObjectStore.prototype.put = put), 1_500);
  });
  await send(page, 'two');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  await page.waitForSelector('#storage-note:not([hidden])');
  await page.waitForSelector('#storage-note', { state: 'hidden' });
  await send(page, 'three');
  await until(() => fake.chats.length === 3);
  await answerState(page, 'done');
  await page.click('#new-chat');
  await openChat(page, 'one');
  await until(async () => (await messages(page)).length === 6);
  await written(page);
  await reload(page);
  await until(async () => (await messages(page)).length === 6);
});

browserTest('an import of a newer copy changes what is shown', async ({ page }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.click('#open-settings');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-json')]);
  const { readFileSync } = await import('node:fs');
  const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
  const [chat] = file.chats;
  const answer = chat.messages.find(({ role }) => role === 'assistant');
  Object.assign(answer, { content: 'A newer answer.', at: answer.at + 10_000 });
  const buffer = Buffer.from(JSON.stringify(file));
  await page.setInputFiles('#import-file', { name: 'x.json', mimeType: 'application/json', buffer });
  await page.waitForFunction(() => document.getElementById('settings-note').textContent !== '');
  await page.click('#settings-dialog button[type=submit]');
  await shows(page, 'one', 'A newer answer.');
});

browserTest('Back leads to the conversation before', async ({ page, fake }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.click('#new-chat');
  await page.locator('#empty').waitFor();
  await send(page, 'two');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  await openChat(page, 'one');
  await shows(page, 'one', 'Hello there.');
  await page.goBack();
  await shows(page, 'two', 'Hello there.');
});
