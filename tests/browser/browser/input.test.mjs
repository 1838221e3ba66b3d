//! Typing: input methods, touch screens, huge pastes, images, models, shortcuts.

import assert from 'node:assert/strict';
import {
  answerState,
  browserTest,
  composerText,
  messages,
  reload,
  send,
  until,
  useBrowser,
} from '../support/browser.mjs';

useBrowser();

const PHONE = { viewport: { width: 390, height: 664 }, hasTouch: true, isMobile: true };
/** How far the page scrolls sideways; 0 when it does not. */
const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

browserTest(
  'Enter that ends a composition does not send; the next one does; Escape in one does not stop',
  async ({ page, fake, context }) => {
    const session = await context.newCDPSession(page);
    await page.focus('#composer-text');
    await session.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
    await page.keyboard.press('Enter');
    assert.equal(fake.chats.length, 0);
    await session.send('Input.insertText', { text: '日本' });
    assert.equal(fake.chats.length, 0);
    assert.match(await composerText(page), /日本/);
    fake.onChat = async (stream) => {
      await stream.say('a ');
      await stream.closed;
    };
    await page.fill('#composer-text', '日本');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-state="streaming"]');
    assert.equal(fake.chats[0].messages[0].content, '日本');
    await session.send('Input.imeSetComposition', { text: 'か', selectionStart: 1, selectionEnd: 1 });
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('[data-state="streaming"]').count(), 1);
    await session.send('Input.imeSetComposition', { text: '', selectionStart: 0, selectionEnd: 0 });
    await page.click('#send');
    await answerState(page, 'stopped');
  },
);

browserTest("Safari's Enter after a composition (key code 229) does not send", async ({ page, fake }) => {
  await page.fill('#composer-text', 'words');
  await page.evaluate(() => {
    const event = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true });
    document.getElementById('composer-text').dispatchEvent(event);
  });
  assert.equal(fake.chats.length, 0);
  assert.equal(await composerText(page), 'words');
  await page.press('#composer-text', 'Enter');
  await answerState(page, 'done');
});

browserTest('Shift+Enter is a new line; Ctrl+Enter sends', async ({ page, fake }) => {
  await page.focus('#composer-text');
  await page.keyboard.type('a');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('b');
  assert.equal(fake.chats.length, 0);
  await page.keyboard.press('Control+Enter');
  await answerState(page, 'done');
  assert.equal(fake.chats[0].messages[0].content, 'a\nb');
});

browserTest(
  'on a touch screen Enter is a new line, and the button sends',
  async ({ page, fake }) => {
    await page.tap('#composer-text');
    await page.keyboard.type('a');
    await page.keyboard.press('Enter');
    await page.keyboard.type('b');
    assert.equal(fake.chats.length, 0);
    await page.tap('#send');
    await answerState(page, 'done');
    assert.equal(fake.chats[0].messages[0].content, 'a\nb');
  },
  PHONE,
);

browserTest(
  'a phone shows the composer, never scrolls sideways, and the list goes when a conversation is opened',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say(
        '```js\n',
        'x'.repeat(400),
        '\n```\n\n|a|b|\n|-|-|\n|',
        'long '.repeat(60),
        '|2|\n\n',
        'w'.repeat(300),
      );
      await stream.done();
    };
    await page.fill('#composer-text', 'u'.repeat(300));
    await page.tap('#send');
    await answerState(page, 'done');
    assert.equal(await overflow(page), 0);
    const box = await page.locator('#composer').boundingBox();
    assert.ok(box.y + box.height <= 664, 'the composer is below the screen');
    for (const id of ['menu', 'send', 'attach', 'open-tuning']) {
      const { width, height } = await page.locator(`#${id}`).boundingBox();
      assert.ok(width >= 40 && height >= 40, `${id} is ${width} × ${height}`);
    }
    await page.tap('#menu');
    await page.locator('#sidebar').waitFor();
    assert.equal(await overflow(page), 0);
    await page.tap('#new-chat');
    await page.locator('#sidebar').waitFor({ state: 'hidden' });
  },
  PHONE,
);

for (const [name, width, locale] of [
  ['320 px', 320, 'en-US'],
  ['320 px in German', 320, 'de-DE'],
  ['1280 px at 400 %', 320, 'de-DE'],
]) {
  browserTest(
    `nothing is cut off at ${name}`,
    async ({ page, fake }) => {
      const alternatives = [{ model: 'llama3.2:3b', etaSeconds: 3 }];
      fake.onChat = (stream) => stream.place(3, { queued: 12, etaSeconds: 600, alternatives });
      await page.fill('#composer-text', 'q');
      await page.click('#send');
      await page.waitForSelector('[data-state="queued"]');
      let box = null;
      const isThere = async () => (box = await page.locator('[data-action="take-model"]').boundingBox()) !== null;
      await until(isThere, 'the button for another model');
      const { x, width: wide } = box;
      assert.ok(x + wide < width - 20, 'the button for another model is in the card');
      await until(async () => (await page.locator('#queue-queued').innerText()) !== '');
      assert.equal(await overflow(page), 0);
      const queue = await page.locator('#queue').boundingBox();
      assert.ok(queue.x + queue.width <= width, `the line ends at ${queue.x + queue.width}`);
      const cut = await page.evaluate(() =>
        Array.from(document.querySelectorAll('.top *, .pending *, .dock *'))
          .filter(
            (node) =>
              node.clientWidth > 1 &&
              node.scrollWidth > node.clientWidth + 1 &&
              getComputedStyle(node).overflow !== 'visible',
          )
          .map((node) => node.id || node.className)
          .filter((one) => one !== 'model'),
      );
      assert.deepEqual(cut, []);
      await page.click('#send');
    },
    {
      viewport: { width, height: 640 },
      locale,
      setUp: (fake) => (fake.line = { activeRequests: 12, queuedRequests: 12, maxConcurrent: 12 }),
    },
  );
}

for (const viewport of [
  { width: 320, height: 568 },
  { width: 568, height: 320 },
]) {
  browserTest(
    `who waits on a small phone sees the place and the model: ${viewport.width} × ${viewport.height}`,
    async ({ page, fake }) => {
      fake.onChat = (stream) => stream.place(118, { queued: 120, etaSeconds: 900, reason: 'slots' });
      await page.fill('#composer-text', 'q');
      await page.tap('#send');
      const seen = (selector) =>
        page.locator(selector).evaluate((node) => {
          const { left, top, width, height } = node.getBoundingClientRect();
          const rows = [top + 2, top + height / 2, top + height - 2];
          return rows.every((y) => node.contains(document.elementFromPoint(left + width / 2, y)));
        });
      await page.locator('.place-eta').waitFor();
      await until(() => seen('.place-now'), 'the place is in sight');
      const { width } = await page.locator('#model').boundingBox();
      assert.ok(width >= 80, `the model has ${width} px`);
    },
    {
      viewport,
      locale: 'de-DE',
      hasTouch: true,
      isMobile: true,
      setUp: (fake) => {
        fake.line = { activeRequests: 4, queuedRequests: 120, maxConcurrent: 4 };
        fake.health = { ...fake.health, model: 'llama3.2:3b' };
      },
    },
  );
}

browserTest('a megabyte that is pasted is there and can be sent', async ({ page, fake }) => {
  const times = await page.evaluate(async () => {
    const field = document.getElementById('composer-text');
    field.focus();
    const text = 'lorem ipsum dolor sit amet '.repeat(40_000);
    const took = [];
    for (let turn = 0; turn < 5; turn++) {
      const start = performance.now();
      field.value = text;
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
      took.push(performance.now() - start);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    }
    return took;
  });
  // The fastest: others use this machine too.
  assert.ok(Math.min(...times) < 200, `the handlers took ${times} ms`);
  await page.click('#send');
  await answerState(page, 'done');
  assert.equal(fake.chats[0].messages[0].content.length, 27 * 40_000);
});

browserTest('an image goes along, is shown, and can be taken off', async ({ page, fake }) => {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
    'base64',
  );
  const file = (name) => ({ name, mimeType: 'image/png', buffer: png });
  await page.setInputFiles('#attach-file', [file('a.png'), file('b.png')]);
  await until(async () => (await page.locator('#attachments li').count()) === 2);
  await page.locator('#attachments button').first().click();
  assert.equal(await page.locator('#attachments li').count(), 1);
  await send(page, 'what is it?');
  await answerState(page, 'done');
  assert.equal(fake.chats[0].messages[0].images.length, 1);
  assert.match(fake.chats[0].messages[0].images[0], /^iVBOR/);
  await until(() => page.locator('.user .images img').evaluate((image) => image.naturalWidth === 1), 'it is decoded');
});

browserTest(
  'the model picker: the default, names by keyboard, a model that is gone, no model at all',
  async ({ page, fake, open }) => {
    await until(async () => (await page.locator('#model option').count()) === 3);
    assert.equal(await page.inputValue('#model'), '');
    await page.focus('#model');
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.inputValue('#model'), 'llama3.2:3b');
    await send(page, 'q');
    await answerState(page, 'done');
    assert.equal(fake.chats[0].model, 'llama3.2:3b');
    fake.tags = { models: [{ name: `registry/${'long-name-'.repeat(12)}:70b` }] };
    await reload(page);
    await answerState(page, 'done');
    await until(async () => /not on the server/.test(await page.locator('#model option:checked').innerText()));
    assert.equal(await overflow(page), 0);
    fake.tags = { models: [] };
    const other = await open('/');
    await until(async () => (await other.locator('#model').innerText()).includes('no models'));
  },
);

browserTest(
  'models are listed by their names as people count: 8b before 14b',
  async ({ page }) => {
    const names = () => page.locator('#model option:not([value=""])').allInnerTexts();
    await until(async () => (await names()).length === 4);
    assert.deepEqual(await names(), ['model-2', 'model-10', 'qwen3:8b', 'qwen3:14b']);
  },
  {
    setUp: (fake) =>
      (fake.tags = { models: ['qwen3:14b', 'model-10', 'qwen3:8b', 'model-2'].map((name) => ({ name })) }),
  },
);

browserTest(
  'the list of models comes once the server is there, and with what was pulled since',
  async ({ context, fake }) => {
    const page = await context.newPage();
    await page.clock.install();
    let down = true;
    await page.route('**/api/tags', (route) => (down ? route.abort() : route.continue()));
    await page.goto(fake.url);
    await page.waitForSelector('html[data-ready]');
    await send(page, 'q');
    await answerState(page, 'done');
    await page.click('[data-action="retry-with"]');
    await page.locator('#model-none', { hasText: 'not known' }).waitFor();
    await page.keyboard.press('Escape');
    down = false;
    await page.clock.fastForward(61_000); // the page looks by itself once a minute
    const names = () => page.locator('#model option:not([value=""])').allInnerTexts();
    await until(async () => (await names()).join() === 'llama3.2:3b,qwen3:8b', 'the list');
    await page.selectOption('#model', 'qwen3:8b');
    fake.tags = { models: [...fake.tags.models, { name: 'new' }] };
    await page.dispatchEvent('#model', 'pointerdown');
    await until(async () => (await names()).includes('new'), 'what was pulled');
    assert.equal(await page.inputValue('#model'), 'qwen3:8b', 'what is chosen stays');
    fake.tags = { models: [...fake.tags.models, { name: 'newer' }] };
    await page.click('[data-action="retry-with"]');
    await page.locator('#model-list button', { hasText: 'newer' }).waitFor();
  },
  { path: '', alone: true },
);

browserTest('system prompt and sampling go along, per conversation', async ({ page, fake }) => {
  await page.click('#open-tuning');
  await page.fill('#tuning-system', 'Be brief.');
  await page.fill('#tuning-temperature', '0.3');
  await page.fill('#tuning-seed', '7');
  await page.selectOption('#tuning-think', 'off');
  await page.click('#tuning-dialog button[type=submit]');
  await send(page, 'q');
  await answerState(page, 'done');
  const [{ messages: sent, options, think }] = fake.chats;
  assert.deepEqual(
    [sent[0], options, think],
    [{ role: 'system', content: 'Be brief.' }, { temperature: 0.3, seed: 7 }, false],
  );
  await page.click('#new-chat');
  await send(page, 'q2');
  await answerState(page, 'done');
  assert.deepEqual(Object.keys(fake.chats[1]).sort(), ['messages', 'stream']);
});

browserTest('shortcuts: a new conversation, and all off when turned off', async ({ page, fake }) => {
  await send(page, 'q');
  await answerState(page, 'done');
  await page.keyboard.press('Control+Shift+O');
  await page.waitForSelector('#empty:not([hidden])');
  await page.click('#open-settings');
  await page.locator('#settings-dialog').waitFor();
  await page.uncheck('#use-shortcuts');
  await page.click('#settings-dialog button[type=submit]');
  fake.onChat = async (stream) => {
    await stream.say('a ');
    await stream.closed;
  };
  await send(page, 'again');
  await page.waitForSelector('[data-state="streaming"]');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('[data-state="streaming"]').count(), 1);
  await page.click('#send');
  await answerState(page, 'stopped');
  assert.deepEqual(await messages(page), ['again', 'a']);
});
