//! What the page asks of the device, and how it follows it: notifications, lasting storage, the colour around the page,
//! the direction of a script, and the names of keys.

import assert from 'node:assert/strict';
import { answerState, browserTest, hide, reload, send, signal, until, useBrowser } from '../support/browser.mjs';

useBrowser();

/** A phone: `new Notification()` throws there, and the service worker notifies. */
const phone = () => {
  window.told = [];
  window.Notification = class {
    static permission = 'granted';
    static requestPermission = async () => 'granted';
    constructor() {
      throw new TypeError('Illegal constructor');
    }
  };
  const showNotification = async (_, { body, tag, renotify }) => {
    if (tag && !renotify) throw new TypeError('nobody hears a second one of that tag');
    window.told.push(body);
  };
  const registration = { active: {}, showNotification };
  const serviceWorker = { getRegistration: async () => registration, register: async () => registration };
  Object.defineProperty(navigator, 'serviceWorker', { value: serviceWorker });
};

browserTest('who waits may be notified, also on a phone: of their turn, and of the answer', async ({ page, fake }) => {
  await page.addInitScript(phone);
  await reload(page);
  const [turn, rest] = [signal(), signal()];
  fake.onChat = async (stream) => {
    await stream.place(2);
    await turn;
    await stream.say('Here ');
    await rest;
    await stream.done();
  };
  await send(page, 'q');
  await page.click('[data-action="notify"]');
  await page.locator('[data-action="notify"]').waitFor({ state: 'hidden' });
  await hide(page, true);
  turn.fire();
  await until(async () => (await page.evaluate(() => window.told)).join('|') === 'It is your turn', 'the turn');
  rest.fire();
  await until(
    async () => (await page.evaluate(() => window.told)).join('|') === 'It is your turn|Answer ready',
    'the answer',
  );
});

browserTest('who waits is also told that no answer comes', async ({ page, fake }) => {
  await page.addInitScript(phone);
  await reload(page);
  const end = signal();
  fake.onChat = async (stream) => {
    await stream.place(2);
    await end;
    await stream.error('waited too long', 'queue_timeout');
  };
  await send(page, 'q');
  await page.click('[data-action="notify"]');
  await page.locator('[data-action="notify"]').waitFor({ state: 'hidden' });
  await hide(page, true);
  end.fire();
  await until(async () => /^You waited longer/.test((await page.evaluate(() => window.told)).join('|')), 'why');
});

browserTest(
  'a phone that waits keeps its screen on, also after one has looked elsewhere, and no longer than that',
  async ({ page, fake }) => {
    await page.addInitScript(() => {
      window.locks = [];
      const request = async () => {
        const lock = { released: false, release: async () => void (lock.released = true) };
        window.locks.push(lock);
        return lock;
      };
      Object.defineProperty(navigator, 'wakeLock', { value: { request } });
    });
    await reload(page);
    const end = signal();
    fake.onChat = async (stream) => {
      await stream.place(2);
      await end;
      await stream.say('Here.');
      await stream.done();
    };
    const released = () => page.evaluate(() => window.locks.map((lock) => lock.released).join());
    await page.fill('#composer-text', 'q');
    await page.tap('#send');
    await until(async () => (await released()) === 'false', 'the screen stays on');
    await page.evaluate(() => (window.locks[0].released = true)); // as browsers do
    await hide(page, true);
    await hide(page, false);
    await until(async () => (await released()) === 'true,false', 'it does again');
    end.fire();
    await answerState(page, 'done');
    await until(async () => (await released()) === 'true,true', 'it may go dark');
    await hide(page, true);
    await hide(page, false);
    assert.equal(await released(), 'true,true');
  },
  { viewport: { width: 390, height: 664 }, hasTouch: true, isMobile: true },
);

browserTest('the first answer asks the browser to keep what is here', async ({ page }) => {
  await page.addInitScript(() => {
    window.asked = 0;
    navigator.storage.persisted = async () => false;
    navigator.storage.persist = async () => ++window.asked > 0;
  });
  await reload(page);
  assert.equal(await page.evaluate(() => window.asked), 0);
  await send(page, 'q');
  await answerState(page, 'done');
  await until(() => page.evaluate(() => window.asked === 1), 'the question');
});

browserTest(
  "the browser's own bars follow the theme that is chosen",
  async ({ page }) => {
    const colour = () =>
      page.evaluate(
        () =>
          Array.from(document.querySelectorAll('meta[name=theme-color]')).find(({ media }) => matchMedia(media).matches)
            .content,
      );
    assert.equal(await colour(), '#14191b');
    await page.click('#open-settings');
    await page.waitForSelector('#settings-dialog[open]');
    await page.selectOption('#theme', 'light');
    assert.equal(await colour(), '#f7f8f7');
    await reload(page);
    assert.equal(await colour(), '#f7f8f7');
  },
  { colorScheme: 'dark' },
);

browserTest('each paragraph runs in the direction of its script', async ({ page, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say('In Arabic it is this:\n\n', 'يجري الماء إلى أسفل.\n\n', '- **نقطة**\n');
    await stream.done();
  };
  await send(page, 'ماذا يعني هذا؟');
  await answerState(page, 'done');
  await page.waitForSelector('.assistant strong');
  /** Whether the words of each stand at its right edge. */
  const toTheRight = (selector) =>
    page.locator(selector).evaluateAll((all) =>
      all.map((node) => {
        const words = document.createRange();
        words.selectNodeContents(node);
        const [text, box] = [words.getBoundingClientRect(), node.getBoundingClientRect()];
        return Math.abs(box.right - text.right) < Math.abs(text.left - box.left);
      }),
    );
  assert.deepEqual(await toTheRight('.assistant .text p'), [false, true]);
  assert.deepEqual(await toTheRight('.assistant .text li'), [true]);
});

browserTest(
  'code runs from left to right in any script, and a quotation has its bar where its lines begin',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say('כך: `--force`.\n\n```js\nconst x = "שלום"; // הערה\n```\n\n', '> ציטוט\n\n- פריט\n');
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    await page.waitForSelector('.assistant .hljs-keyword');
    /** The left edge of one of its characters. */
    const left = (selector, at) =>
      page.locator(`.assistant ${selector}`).evaluate((node, offset) => {
        const character = document.createRange();
        character.setStart(node.firstChild, offset);
        character.setEnd(node.firstChild, offset + 1);
        return character.getBoundingClientRect().left;
      }, at);
    assert.ok((await left('p code', 0)) < (await left('p code', '--force'.length - 1)), 'a word in a line');
    assert.ok((await left('.hljs-keyword', 0)) < (await left('.hljs-string', 0)), 'a block');
    const style = (selector, property) =>
      page.locator(`.assistant ${selector}`).evaluate((node, name) => getComputedStyle(node)[name], property);
    assert.equal(await style('blockquote', 'borderRightWidth'), '3px');
    assert.equal(await style('ul', 'paddingLeft'), '0px');
  },
);

browserTest(
  'the keys have the names that are on them, and numbers are grouped, in German',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say('Ja.');
      await stream.done({ eval_count: 12_345 });
    };
    await send(page, 'q');
    await page.locator('.stats', { hasText: '12.345 Token' }).waitFor({ state: 'attached' });
    await page.click('#open-help');
    await page.waitForSelector('#help-dialog[open]');
    const keys = new Set(await page.locator('#help-dialog kbd').allInnerTexts());
    assert.deepEqual([...keys].toSorted(), ['?', 'Enter', 'Esc', 'K', 'O', 'Strg', 'Umschalt']);
  },
  { locale: 'de-DE' },
);
