//! Every refusal and every way to break: its own text, its own way on, and the prompt comes back.

import assert from 'node:assert/strict';
import {
  answerState,
  answerText,
  browserTest,
  composerText,
  messages,
  reload,
  send,
  signal,
  until,
  useBrowser,
} from '../support/browser.mjs';

useBrowser();

const card = (page, code) => page.waitForSelector(`.card[data-code="${code}"]`);

browserTest(
  '429: the prompt comes back, a countdown runs, and then the same turn is sent',
  async ({ page, fake }) => {
    await page.clock.install();
    fake.onChat = (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '600' });
    await send(page, 'precious words');
    await card(page, 'queue_full');
    assert.equal(await composerText(page), 'precious words');
    const button = page.locator('.card .card-way');
    await until(async () => /Try again in 5\d\d s/.test(await button.innerText()), 'it counts down');
    assert.equal(await button.isDisabled(), true);
    await page.clock.fastForward(300_000);
    await page.click('#new-chat');
    await page.locator('#empty').waitFor();
    await page.locator('.chat-open', { hasText: 'precious words' }).click();
    await until(async () => /Try again in [12]\d\d s/.test(await button.innerText()), 'it goes on where it was');
    await page.clock.fastForward(300_000);
    await until(() => button.isEnabled());
    fake.onChat = async (stream) => {
      await stream.say('Now.');
      await stream.done();
    };
    await button.click();
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['precious words', 'Now.']);
    assert.equal(await composerText(page), '');
    assert.equal(fake.chats.length, 2);
  },
  { alone: true },
);

browserTest('two that want a key at once ask once, and both go on with it', async ({ page, fake }) => {
  const go = signal();
  fake.onChat = async (stream) => {
    await go;
    stream.refuse(401, 'unauthorized');
  };
  await send(page, 'one');
  await until(() => fake.chats.length === 1);
  await page.click('#new-chat');
  await send(page, 'two');
  await until(() => fake.chats.length === 2);
  go.fire();
  await page.locator('#key-dialog').waitFor();
  await card(page, 'unauthorized');
  await until(() => fake.open === 0, 'both are refused');
  fake.onChat = async (stream) => {
    await stream.say('Yes.');
    await stream.done();
  };
  await page.fill('#key-input', 'right');
  await page.keyboard.press('Enter');
  await until(() => fake.chats.length === 4, 'both go out again');
  await answerState(page, 'done');
  assert.equal(await page.locator('#key-dialog').isVisible(), false);
});

browserTest('sending the same words again replaces the failed turn', async ({ page, fake }) => {
  fake.onChat = (stream) => stream.refuse(503, 'upstream_busy');
  await send(page, 'words');
  await card(page, 'upstream_busy');
  fake.onChat = async (stream) => {
    await stream.say('Yes.');
    await stream.done();
  };
  await page.press('#composer-text', 'Enter');
  await answerState(page, 'done');
  assert.deepEqual(await messages(page), ['words', 'Yes.']);
  assert.equal(await composerText(page), '');
});

browserTest('a prompt that was refused does not overwrite what was typed meanwhile', async ({ page, fake }) => {
  let refuse;
  fake.onChat = (stream) => void (refuse = () => stream.refuse(429, 'queue_full'));
  await send(page, 'old words');
  await until(() => refuse);
  await page.fill('#composer-text', 'new words');
  refuse();
  await card(page, 'queue_full');
  assert.equal(await composerText(page), 'new words');
  assert.equal((await messages(page))[0], 'old words');
});

browserTest(
  '401: a dialog asks for a key, and the same send resumes; a wrong key is asked for again',
  async ({ page, fake }) => {
    await send(page, 'secret question');
    const dialog = page.locator('#key-dialog');
    await dialog.waitFor();
    await page.fill('#key-input', 'wrong');
    await page.keyboard.press('Enter');
    await until(async () => /did not accept/.test(await dialog.innerText()));
    await page.fill('#key-input', 'right');
    await page.keyboard.press('Enter');
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['secret question', 'Hello there.']);
    assert.equal(await composerText(page), '');
    assert.equal(await page.evaluate(() => sessionStorage.getItem('sluice.key')), 'right');
    assert.equal(await page.evaluate(() => localStorage.getItem('sluice.key')), null);
    await until(async () => (await page.locator('#model option').count()) === 3);
  },
  { setUp: (fake) => (fake.key = 'right') },
);

browserTest(
  'a key is remembered on the device only when asked',
  async ({ page }) => {
    await send(page, 'q');
    await page.locator('#key-dialog').waitFor();
    await page.fill('#key-input', 'right');
    await page.check('#key-remember');
    await page.click('#key-dialog button[type=submit]');
    await answerState(page, 'done');
    assert.equal(await page.evaluate(() => localStorage.getItem('sluice.key')), 'right');
  },
  { setUp: (fake) => (fake.key = 'right') },
);

browserTest(
  '503 down: a banner comes, health is asked again, and the banner goes by itself',
  async ({ page, fake }) => {
    fake.onChat = (stream) => stream.refuse(503, 'upstream_down');
    fake.health = { status: 'down', upstreams: [{ index: 0, reachable: false }] };
    fake.healthStatus = 503;
    await send(page, 'q');
    await card(page, 'upstream_down');
    await page.waitForSelector('#banner[data-kind="down"]:not([hidden])');
    assert.equal(await composerText(page), 'q');
    fake.health = { status: 'ok', upstreams: [{ index: 0, reachable: true }] };
    fake.healthStatus = 200;
    await page.waitForSelector('#banner', { state: 'hidden' });
  },
);

browserTest(
  'what the operator has to say is on the page',
  async ({ page }) => {
    await page.waitForSelector('#banner[data-kind="note"]');
    assert.equal(await page.locator('#banner-text').innerText(), 'Maintenance <b>at</b> noon.');
  },
  {
    setUp: (fake) =>
      (fake.health = { status: 'ok', note: 'Maintenance <b>at</b> noon.', upstreams: [{ index: 0, reachable: true }] }),
  },
);

const REFUSALS = [
  [400, 'invalid_json'],
  [400, 'invalid_request'],
  [400, 'invalid_option'],
  [400, 'prompt_too_long'],
  [408, 'body_stalled'],
  [413, 'body_too_large'],
  [403, 'foreign_origin'],
  [403, 'model_not_allowed'],
  [403, 'cloud_not_allowed'],
  [503, 'overloaded'],
  [403, 'not_exposed'],
  [404, 'model_not_found'],
  [429, 'rate_limited'],
  [502, 'upstream_error'],
  [503, 'store_unavailable'],
  [503, 'misconfigured'],
  [504, 'upstream_timeout'],
  [504, 'queue_timeout'],
];
browserTest('every refusal has a text of its own, and the prompt comes back', async ({ page, fake }) => {
  const texts = new Set();
  for (const [status, code] of REFUSALS) {
    fake.onChat = (stream) => stream.refuse(status, code);
    await send(page, `words for ${code}`);
    await card(page, code);
    assert.equal(await composerText(page), `words for ${code}`);
    texts.add(await page.locator('.card-text').last().innerText());
    assert.equal(await page.locator('.card-words').last().textContent(), `refused: ${code}`);
  }
  assert.equal(texts.size, REFUSALS.length);
});

browserTest("a proxy's HTML page is an error like any other", async ({ page, fake }) => {
  fake.onChat = (stream) => stream.respond(500, { 'content-type': 'text/html' }, '<html><script>alert(1)</script>');
  await send(page, 'q');
  await card(page, 'upstream_error');
  assert.equal(await composerText(page), 'q');
});

browserTest('a connection that breaks keeps the words that came and offers a way on', async ({ page, fake }) => {
  const cut = signal();
  fake.onChat = async (stream) => {
    await stream.say('Half an ', 'answer ');
    await cut;
    stream.cut();
  };
  await send(page, 'q');
  await until(async () => (await answerText(page)) === 'Half an answer');
  cut.fire();
  await answerState(page, 'interrupted');
  await card(page, 'interrupted');
  assert.equal(await answerText(page), 'Half an answer');
  assert.match(await page.locator('.card-text').innerText(), /What came is kept/);
  assert.equal(await page.locator('.card [data-action="continue"]').isVisible(), true);
  await reload(page);
  await card(page, 'interrupted');
  assert.equal(await answerText(page), 'Half an answer');
});

browserTest('an error line keeps the words that came and shows what the server said', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('Half');
    await stream.error('an error was encountered while running the model');
  };
  await send(page, 'q');
  await card(page, 'upstream_error');
  assert.equal(await answerText(page), 'Half');
  assert.match(await page.locator('.card-words').textContent(), /while running the model/);
});

browserTest('an error line before the first word is an error with the prompt at hand', async ({ page, fake }) => {
  fake.onChat = (stream) => stream.error('the line moved too slowly', 'queue_timeout');
  await send(page, 'q');
  await card(page, 'queue_timeout');
  await answerState(page, 'error');
});

browserTest('an answer without a word is told', async ({ page, fake }) => {
  fake.onChat = (stream) => stream.done();
  await send(page, 'q');
  await card(page, 'empty');
});

browserTest('a line that is not JSON ends the answer, not the page', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('ok ');
    await stream.raw('<html>\n');
  };
  await send(page, 'q');
  await card(page, 'interrupted');
  assert.equal(await answerText(page), 'ok');
});

browserTest('a server that is gone is told apart from being offline', async ({ page, fake, context }) => {
  await context.setOffline(true);
  await send(page, 'q');
  await card(page, 'offline');
  assert.equal(await composerText(page), 'q');
  await context.setOffline(false);
  await page.route('**/api/chat', (route) => route.abort('connectionrefused'));
  await page.press('#composer-text', 'Enter');
  await card(page, 'unreachable');
  assert.equal(fake.chats.length, 0);
});

browserTest('without the renderer an answer is shown as plain text', async ({ page, fake }) => {
  await page.route('**/js/md/**', (route) => route.abort());
  fake.onChat = async (stream) => {
    await stream.say('Plain **words**,\n', 'all of <b>them</b>.');
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  assert.equal(await answerText(page), 'Plain **words**,\nall of <b>them</b>.');
});

browserTest('so is one that was there before, with its lines as they are', async ({ page, fake }) => {
  const text = 'So:\n\n```py\nif x:\n    y()\n```';
  fake.onChat = async (stream) => {
    await stream.say(text);
    await stream.done();
  };
  await send(page, 'q');
  await answerState(page, 'done');
  await page.route('**/js/md/stream.js', (route) => route.abort());
  await reload(page);
  await until(async () => (await answerText(page)) !== '', 'it is drawn');
  assert.equal(await answerText(page), text);
});

browserTest(
  'a browser without IndexedDB is told of, and the chat works',
  async ({ fake, context }) => {
    const page = await context.newPage();
    await page.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('no', 'SecurityError');
      };
    });
    await page.goto(fake.url);
    await page.waitForSelector('html[data-ready]');
    await page.waitForSelector('#storage-note:not([hidden])');
    await send(page, 'q');
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['q', 'Hello there.']);
    await page.click('#new-chat');
    await page.click('.chat-open');
    await until(async () => (await messages(page)).length === 2);
  },
  { path: '' },
);

browserTest('a full disk is told of, and the words stay on the page', async ({ page }) => {
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
  await send(page, 'q');
  await answerState(page, 'done');
  await page.waitForSelector('#storage-note:not([hidden])');
  await page.click('#new-chat');
  await page.click('.chat-open');
  await until(async () => (await messages(page)).join('|') === 'q|Hello there.');
});
