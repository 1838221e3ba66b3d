//! Sending, streaming, stopping, retrying, editing: no word is lost.

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

useBrowser();

browserTest('a message is sent, its answer streams, and both are there after a reload', async ({ page, fake }) => {
  const go = signal();
  fake.onChat = async (stream) => {
    await stream.say('Water ', 'flows ');
    await go;
    await stream.say('**down**.');
    await stream.done();
  };
  await send(page, 'Where does water go?');
  await page.waitForSelector('.message.assistant[data-state="streaming"]');
  await until(async () => (await answerText(page)) === 'Water flows');
  assert.equal(await page.getAttribute('#send', 'data-mode'), 'stop');
  go.fire();
  await answerState(page, 'done');
  assert.equal(await answerText(page), 'Water flows down.');
  assert.equal(await page.locator('.assistant strong').innerText(), 'down');
  assert.match(await page.locator('.assistant .stats').innerText(), /^3 tokens · 50 tokens\/s/);
  await reload(page);
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['Where does water go?', 'Water flows down.']);
  assert.equal(fake.chats.length, 1);
});

browserTest('the history goes along, and the chosen model', async ({ page, fake }) => {
  await page.selectOption('#model', 'qwen3:8b');
  await send(page, 'one');
  await answerState(page, 'done');
  await send(page, 'two');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  assert.deepEqual(fake.chats[1], {
    model: 'qwen3:8b',
    stream: true,
    messages: [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'Hello there.' },
      { role: 'user', content: 'two' },
    ],
  });
});

browserTest('stop keeps the part that came, frees the server, and nothing grows back', async ({ page, fake }) => {
  let stream;
  fake.onChat = async (one) => {
    stream = one;
    await one.say('part ', 'of it ');
    await one.closed;
  };
  await send(page, 'go');
  await until(async () => (await answerText(page)) === 'part of it');
  await page.click('#send');
  await answerState(page, 'stopped');
  await stream.closed;
  await until(() => fake.deleted.length === 1);
  assert.deepEqual(fake.deleted, [stream.ticket]);
  assert.deepEqual(fake.aborted, ['go']);
  assert.equal(await page.getAttribute('#send', 'data-mode'), 'send');
  await reload(page);
  await answerState(page, 'stopped');
  assert.equal(await answerText(page), 'part of it');
});

browserTest('a reload in the middle keeps what came, marks it, and gives the slot back', async ({ page, fake }) => {
  let stream;
  fake.onChat = async (one) => {
    stream = one;
    await one.say('half ', 'of it ');
    await one.closed;
  };
  await send(page, 'go');
  await until(async () => (await answerText(page)) === 'half of it');
  await reload(page);
  await page.waitForSelector('.card[data-code="interrupted"]');
  assert.deepEqual(await messages(page), ['go', 'half of it']);
  assert.equal(await page.locator('.card [data-action="continue"]').isVisible(), true);
  await until(() => fake.deleted.includes(stream.ticket));
});

browserTest('Escape stops an answer', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('a');
    await stream.closed;
  };
  await send(page, 'go');
  await page.waitForSelector('[data-state="streaming"]');
  await page.keyboard.press('Escape');
  await answerState(page, 'stopped');
});

browserTest('a retry leaves the old answer until the new one has its first word', async ({ page, fake }) => {
  await send(page, 'q');
  await answerState(page, 'done');
  const go = signal();
  fake.onChat = async (stream) => {
    await stream.begin();
    await go;
    await stream.say('New answer');
    await stream.done();
  };
  await page.click('.assistant [data-action="retry"]');
  await until(() => fake.open === 1);
  assert.match((await messages(page)).join('|'), /^q\|Hello there\./);
  go.fire();
  await until(async () => (await messages(page)).join('|') === 'q|New answer');
  await reload(page);
  await until(async () => (await messages(page)).join('|') === 'q|New answer');
});

browserTest('a retry that fails keeps the old answer for good', async ({ page, fake }) => {
  await send(page, 'q');
  await answerState(page, 'done');
  fake.onChat = (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '7' });
  await page.click('.assistant [data-action="retry"]');
  await page.waitForSelector('.card[data-code="queue_full"]');
  assert.deepEqual(await messages(page), ['q', 'Hello there.']);
  await reload(page);
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['q', 'Hello there.']);
});

browserTest('a retry that is stopped before its first word keeps the old answer', async ({ page, fake }) => {
  await send(page, 'q');
  await answerState(page, 'done');
  fake.onChat = async (stream) => {
    await stream.place(2);
    await stream.closed;
  };
  await page.click('.assistant [data-action="retry"]');
  await page.click('[data-action="cancel"]:visible');
  await until(async () => (await messages(page)).join('|') === 'q|Hello there.');
});

browserTest('edit and resend replaces what follows; cancel brings the draft back', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  await send(page, 'second');
  await until(() => fake.chats.length === 2);
  await answerState(page, 'done');
  await page.fill('#composer-text', 'half a thought');
  await page.locator('.user').first().hover();
  await page.locator('.user [data-action="edit"]').first().click();
  assert.equal(await composerText(page), 'first');
  await page.click('#edit-cancel');
  assert.equal(await composerText(page), 'half a thought');
  assert.equal((await messages(page)).length, 4);
  await page.locator('.user [data-action="edit"]').first().click();
  await send(page, 'first, better');
  await until(() => fake.chats.length === 3);
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['first, better', 'Hello there.']);
  assert.deepEqual(fake.chats[2].messages, [{ role: 'user', content: 'first, better' }]);
});

browserTest('an edit that is refused brings everything back', async ({ page, fake }) => {
  await send(page, 'first');
  await answerState(page, 'done');
  fake.onChat = (stream) => stream.refuse(503, 'upstream_busy');
  await page.locator('.user').hover();
  await page.click('.user [data-action="edit"]');
  await send(page, 'first, better');
  await page.waitForSelector('.card[data-code="upstream_busy"]');
  assert.deepEqual(await messages(page), ['first', 'Hello there.']);
  assert.equal(await composerText(page), 'first, better');
});

browserTest('continue goes on where the answer broke off', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('One, two');
    await stream.end();
  };
  await send(page, 'count');
  await answerState(page, 'interrupted');
  await page.waitForSelector('.card[data-code="interrupted"]');
  const go = signal();
  fake.onChat = async (stream) => {
    await stream.place(2);
    await go;
    await stream.say(', three.');
    await stream.done();
  };
  await page.click('.card [data-action="continue"]');
  await page.waitForSelector('[data-state="queued"]');
  assert.deepEqual(await messages(page), ['count', 'One, two'], 'the part stands once while it waits');
  go.fire();
  await answerState(page, 'done');
  assert.equal(await answerText(page), 'One, two, three.');
  assert.deepEqual(fake.chats[1].messages.at(-1), { role: 'assistant', content: 'One, two' });
  assert.equal(await page.locator('.card').count(), 0);
});

browserTest('an answer goes on while another conversation is shown', async ({ page, fake }) => {
  const go = signal();
  fake.onChat = async (stream) => {
    await stream.say('early ');
    await go;
    await stream.say('late');
    await stream.done();
  };
  await send(page, 'slow one');
  await until(async () => (await answerText(page)) === 'early');
  await page.click('#new-chat');
  await page.waitForSelector('#empty:not([hidden])');
  assert.equal(await page.getAttribute('#send', 'data-mode'), 'send');
  await page.click('.chat-open');
  await until(async () => (await answerText(page)) === 'early');
  go.fire();
  await answerState(page, 'done');
  assert.equal(await answerText(page), 'early late');
});

browserTest(
  'thinking is open while the model thinks and closes on the answer, unless the reader says otherwise',
  async ({ page, fake }) => {
    let [thinking, answering] = [signal(), signal()];
    fake.onChat = async (stream) => {
      await stream.think('Let me see. ');
      await thinking;
      await stream.say('42');
      await answering;
      await stream.done();
    };
    const box = page.locator('.assistant .thinking').last();
    await send(page, 'q');
    await page.waitForSelector('[data-state="thinking"] .thinking[open]');
    await until(async () => /Let me see/.test(await box.innerText()));
    thinking.fire();
    await page.waitForSelector('[data-state="streaming"] .thinking:not([open])');
    answering.fire();
    await answerState(page, 'done');

    [thinking, answering] = [signal(), signal()];
    fake.onChat = async (stream) => {
      await stream.say('<thi', 'nk>Hm. ');
      await thinking;
      await stream.say('Ok.</think>', '43');
      await stream.done();
    };
    await send(page, 'again');
    await page.waitForSelector('[data-state="thinking"] .thinking[open]');
    await box.locator('summary').click();
    await box.locator('summary').click();
    thinking.fire();
    await until(async () => (await answerText(page)) === '43');
    assert.equal(await box.evaluate((node) => node.open), true);
  },
);

browserTest('what is typed and not sent survives a reload, per conversation', async ({ page, fake }) => {
  await send(page, 'one');
  await answerState(page, 'done');
  await page.fill('#composer-text', 'draft of one');
  await page.click('#new-chat');
  await until(async () => (await composerText(page)) === '');
  await page.fill('#composer-text', 'draft of a new one');
  await reload(page);
  await fillIn(page, 'draft of a new one');
  await page.click('.chat-open');
  await fillIn(page, 'draft of one');
});

browserTest(
  'what is typed before the page can send goes out when it can',
  async ({ fake, context }) => {
    const page = await context.newPage();
    const held = signal();
    await page.route('**/js/app.js', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(fake.url);
    await send(page, 'early bird');
    assert.equal(await composerText(page), 'early bird');
    held.fire();
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['early bird', 'Hello there.']);
  },
  { path: '' },
);
