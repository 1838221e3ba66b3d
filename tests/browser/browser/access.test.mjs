//! Access: axe finds nothing on any state, what is spoken, and a journey by keyboard alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { answerState, browserTest, messages, send, signal, useBrowser, until } from '../support/browser.mjs';
import { RICH, STATES } from '../support/states.mjs';

useBrowser();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * What axe finds wrong, once finite animations are over. A page's policy allows no script tag, so axe is evaluated.
 * @param {import('playwright-core').Page} page
 * @param {object} [only] axe's `runOnly`
 */
async function findings(page, only = { type: 'tag', values: TAGS }) {
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((one) => one.effect?.getTiming().iterations !== Infinity)
        .map((one) => one.finished),
    ),
  );
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  return page.evaluate(async (runOnly) => {
    const { violations } = await globalThis.axe.run(document, { runOnly });
    return violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html }) => html)
          .join(' | ')
          .slice(0, 300)}`,
    );
  }, only);
}

/** Only colours differ between the two. */
async function lightAndDark(page) {
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await findings(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  return [...light, ...(await findings(page, { type: 'rule', values: ['color-contrast'] }))];
}

/** One page goes through several states: a new conversation begins each. */
const WALKS = {
  'nothing said yet, and the dialogs': ['empty', 'settings dialog', 'tuning dialog', 'help dialog'],
  'prompts, the palette, another model, a full context': ['prompts dialog', 'palette', 'model dialog', 'context full'],
  'an answer on its way': ['queued', 'thinking', 'streaming'],
  'an answer that ended': [
    'a finished answer with everything in it',
    'an answer that begins with a second heading',
    'interrupted',
    'stopped',
    'editing',
  ],
  'a refusal, a question before deleting, a key': ['line full', 'delete dialog', 'server down', 'key dialog'],
  'a reason to wait, versions, limits, formulas, a key that is missing': [
    'queued, with a reason and a model that would begin sooner',
    'two versions of an answer that was waited for',
    'cut by its limit',
    'undo',
    'formulas',
    'files attached',
    'a key is needed',
  ],
  'another tab, a computer that many share, no model, a wrong name': [
    'in another tab',
    'kept for the session',
    'no model yet',
    'a name that the server does not answer to',
  ],
};
for (const [walk, names] of Object.entries(WALKS)) {
  browserTest(`axe finds nothing, light and dark: ${walk}`, async ({ page, fake }) => {
    for (const name of names) {
      await STATES[name](page, fake);
      assert.deepEqual(await lightAndDark(page), [], name);
      await leave(page);
    }
  });
}

/** Closes what is open, ends what runs, and begins anew. */
async function leave(page) {
  if (await page.isHidden('#app')) return; // nothing leads on from there
  for (const dialog of await page.locator('dialog[open]').all()) await dialog.evaluate((node) => node.close());
  if ((await page.getAttribute('#send', 'data-mode')) === 'stop') await page.click('#send');
  await page.click('#new-chat');
  await page.locator('#empty').waitFor();
  await page.fill('#composer-text', '');
}

test('every state is on a walk', () => {
  assert.deepEqual(Object.values(WALKS).flat().toSorted(), Object.keys(STATES).toSorted());
});

const PHONE = { viewport: { width: 390, height: 664 }, hasTouch: true, isMobile: true };
browserTest(
  'axe finds nothing: on a phone, with the list open',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say(...RICH);
      await stream.done();
    };
    await page.fill('#composer-text', 'q');
    await page.click('#send');
    await answerState(page, 'done');
    assert.deepEqual(await findings(page), []);
    await page.click('#menu');
    assert.deepEqual(await findings(page), []);
  },
  PHONE,
);

browserTest(
  'axe finds nothing, light and dark: dashboard',
  async ({ page }) => {
    await page.locator('.chart summary').first().click();
    assert.deepEqual(await lightAndDark(page), []);
  },
  {
    path: '/dashboard/',
    setUp: (fake) =>
      (fake.queue = {
        active: 4,
        queued: 3,
        max: 4,
        classes: { batch: { queued: 1 } },
        upstreams: [{ index: 0, active: 1, max: 1, breaker: 'open' }],
      }),
  },
);

browserTest('one answer speaks its start, its places and its end, and no token', async ({ page, fake }) => {
  const steps = [signal(), signal()];
  fake.onChat = async (stream) => {
    await stream.place(2, { queued: 2 });
    await steps[0];
    await stream.say('Many ', 'words ', 'come ', 'here. ');
    await steps[1];
    await stream.done();
  };
  await page.evaluate(() => {
    window.spoken = [];
    for (const id of ['status', 'alert']) {
      new MutationObserver(() => {
        const text = document.getElementById(id).textContent;
        if (text) window.spoken.push(`${id}: ${text}`);
      }).observe(document.getElementById(id), { childList: true, characterData: true, subtree: true });
    }
  });
  await send(page, 'q');
  await page.waitForSelector('[data-state="queued"]');
  steps[0].fire();
  await page.waitForSelector('[data-state="streaming"]');
  steps[1].fire();
  await answerState(page, 'done');
  await until(() => page.evaluate(() => window.spoken.at(-1) === 'status: Answer ready'));
  assert.deepEqual(await page.evaluate(() => window.spoken), [
    'status: Place 2 of 2 in line · 4 of 4 running',
    'status: Answering',
    'status: Answer ready',
  ]);
  fake.onChat = (stream) => stream.refuse(429, 'queue_full');
  await send(page, 'q2');
  await until(() => page.evaluate(() => /^alert: The line is full/.test(window.spoken.at(-1))));
});

browserTest(
  'the whole way by keyboard: the focus stays on Send/Stop, and Tab is never trapped',
  async ({ page, fake }) => {
    fake.onChat = async (stream) => {
      await stream.say('a ');
      await stream.closed;
    };
    const focused = () =>
      page.evaluate(
        () => document.activeElement.id || document.activeElement.dataset.action || document.activeElement.className,
      );
    await page.keyboard.press('Tab');
    await page.focus('#composer-text');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'send');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-state="streaming"]');
    assert.equal(await focused(), 'send');
    assert.equal(await page.getAttribute('#send', 'aria-label'), 'Stop');
    await page.keyboard.press('Enter');
    await answerState(page, 'stopped');
    assert.equal(await focused(), 'send');
    const seen = new Set();
    for (let step = 0; step < 40; step++) {
      await page.keyboard.press('Tab');
      seen.add(await focused());
    }
    for (const stop of [
      'new-chat',
      'chat-search',
      'menu',
      'model',
      'open-tuning',
      'queue',
      'retry',
      'composer-text',
      'attach',
      'open-settings',
      'open-help',
    ]) {
      assert.ok(seen.has(stop), `Tab does not reach ${stop}`);
    }
    await page.keyboard.press('Escape');
    assert.deepEqual(await messages(page), ['by keyboard', 'a']);
  },
);

browserTest(
  'the focus stays in the list of conversations when an answer ends or a name changes',
  async ({ page, fake }) => {
    const go = signal();
    fake.onChat = async (stream) => {
      await stream.say('a ');
      await go;
      await stream.done();
    };
    const focused = () =>
      page.evaluate(() => document.activeElement.dataset.action ?? document.activeElement.className);
    /** Whoever reads the list now reads after the page, which began to when the state was saved. */
    const listed = () =>
      page.evaluate(async () => {
        const { Store } = await import('/js/state/store.js');
        await new Store('device').list();
      });
    await send(page, 'q');
    await page.waitForSelector('[data-state="streaming"]');
    await page.focus('.chat-open');
    go.fire();
    await answerState(page, 'done');
    await listed();
    assert.equal(await focused(), 'chat-open');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'rename');
    await page.keyboard.press('Enter');
    await page.fill('#ask-input', 'Another name');
    await page.keyboard.press('Enter');
    await until(async () => (await page.locator('.chat-open').innerText()) === 'Another name');
    await until(async () => (await focused()) === 'rename');
  },
);

browserTest('the skip link is seen when it has the focus, and goes to the message field', async ({ page }) => {
  await page.focus('#skip');
  assert.ok((await page.locator('#skip').boundingBox()).y >= 0);
  await page.keyboard.press('Enter');
  await until(() => page.evaluate(() => document.activeElement.id === 'composer-text'));
});

browserTest(
  'the focus stays on the page when the button that has it goes by itself',
  async ({ page, fake }) => {
    const focused = (id) => until(() => page.evaluate((id) => document.activeElement.id === id, id), `focus on ${id}`);
    fake.onChat = async (stream) => {
      await stream.say('A paragraph.\n\n'.repeat(100));
      await stream.done();
    };
    await send(page, 'q');
    await answerState(page, 'done');
    await page.hover('#scroller');
    await page.mouse.wheel(0, -2_000);
    await page.click('#jump');
    await focused('scroller');
    await page.clock.install();
    await page.click('.assistant [data-action="delete"]');
    await page.locator('#undo-note').waitFor();
    await page.focus('#undo');
    await page.clock.runFor(10_000);
    await focused('send');
  },
  { alone: true },
);

browserTest('messages and code regions have names in the accessibility tree', async ({ page, fake }) => {
  await STATES['a finished answer with everything in it'](page, fake);
  const tree = await page.locator('#transcript').ariaSnapshot();
  for (const part of [
    /article "Your message"/,
    /article "Answer"/,
    /region "Code, rust"/,
    /region "Table"/,
    /heading "Head" \[level=3\]/,
  ])
    assert.match(tree, part);
});

browserTest('? opens the list of keys, unless one types', async ({ page }) => {
  await page.focus('#composer-text');
  await page.keyboard.type('?');
  assert.equal(await page.locator('#help-dialog').isVisible(), false);
  await page.focus('#menu');
  await page.keyboard.press('?');
  await page.locator('#help-dialog').waitFor();
});
