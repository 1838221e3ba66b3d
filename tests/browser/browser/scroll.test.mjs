//! Following the answer, and letting go of it.

import assert from 'node:assert/strict';
import { answerState, browserTest, send, signal, useBrowser, until } from '../support/browser.mjs';
import { longAnswer } from '../support/markdown.mjs';

useBrowser();

const gap = (page) =>
  page.evaluate(() => {
    const { scrollHeight, scrollTop, clientHeight } = document.getElementById('scroller');
    return Math.round(scrollHeight - scrollTop - clientHeight);
  });
const top = (page) => page.evaluate(() => document.getElementById('scroller').scrollTop);
const frames = (page, count = 3) =>
  page.evaluate(async (left) => {
    while (left--) await new Promise(requestAnimationFrame);
  }, count);

/** Where it stands once no wheel's momentum moves it any more. */
const rest = (page) =>
  page.evaluate(async () => {
    const box = document.getElementById('scroller');
    for (let still = 0, last = box.scrollTop; still < 10; last = box.scrollTop) {
      await new Promise(requestAnimationFrame);
      still = box.scrollTop === last ? still + 1 : 0;
    }
    return box.scrollTop;
  });

/** An answer that grows by one part per `grow()`. */
async function growing(page, fake) {
  const parts = longAnswer(3_000)
    .match(/.{1,1500}/gs)
    .map((text) => ({ text, next: signal() }));
  let released = 0;
  let ended = false;
  fake.onChat = async (stream) => {
    for (const { text, next } of parts) {
      await stream.say(text);
      await next;
      if (ended) break;
    }
    await stream.done();
  };
  await send(page, 'q');
  await page.waitForSelector('[data-state="streaming"]');
  const release = () => parts[released++].next.fire();
  const grow = async () => {
    const before = await page.evaluate(() => document.getElementById('scroller').scrollHeight);
    release();
    await until(
      () => page.evaluate((height) => document.getElementById('scroller').scrollHeight > height, before),
      'it grows',
    );
    await frames(page);
  };
  const end = async () => {
    ended = true;
    release();
    await answerState(page, 'done');
  };
  await grow();
  await grow();
  return { grow, end };
}

browserTest('it follows while the reader is at the end, and nothing moves after the end', async ({ page, fake }) => {
  const answer = await growing(page, fake);
  assert.ok((await gap(page)) <= 2);
  await answer.grow();
  assert.ok((await gap(page)) <= 2);
  assert.equal(await page.locator('#jump').isVisible(), false);
  await answer.end();
  await frames(page);
  const still = await top(page);
  await page.waitForTimeout(400);
  assert.equal(await top(page), still);
});

/** Every way a reader may go up. */
const WAYS = {
  'the wheel': async (page) => {
    await page.mouse.move(600, 300);
    await page.mouse.wheel(0, -300);
  },
  PageUp: async (page) => {
    await page.focus('#scroller');
    await page.keyboard.press('PageUp');
  },
  'the scroll bar': (page) => page.evaluate(() => document.getElementById('scroller').scrollBy(0, -300)),
};
for (const [name, goUp] of Object.entries(WAYS)) {
  browserTest(`going up by ${name} lets go, and the button or the end takes hold again`, async ({ page, fake }) => {
    const answer = await growing(page, fake);
    await goUp(page);
    await until(async () => (await gap(page)) > 50);
    const here = await rest(page);
    await answer.grow();
    assert.equal(await top(page), here, 'it pulled the reader away');
    await page.waitForSelector('#jump[data-unseen]:not([hidden])');
    await page.click('#jump');
    await until(async () => (await gap(page)) <= 2);
    await answer.grow();
    await until(async () => (await gap(page)) <= 2);
    await goUp(page);
    await until(async () => (await gap(page)) > 50);
    await rest(page);
    await page.evaluate(() => document.getElementById('scroller').scrollTo(0, 1e9));
    await frames(page);
    await answer.grow();
    assert.ok((await gap(page)) <= 2);
    await answer.end();
  });
}

browserTest('ctrl and wheel (zoom) does not let go', async ({ page, fake }) => {
  const answer = await growing(page, fake);
  await page.evaluate(() =>
    document.getElementById('scroller').dispatchEvent(new WheelEvent('wheel', { deltaY: -100, ctrlKey: true })),
  );
  await answer.grow();
  assert.ok((await gap(page)) <= 2);
  await answer.end();
});

browserTest('sideways scrolling inside code does not let go', async ({ page, fake }) => {
  const answer = await growing(page, fake);
  const inView = () =>
    page.evaluate(() => {
      const boxes = Array.from(document.querySelectorAll('.code pre, .table'), (node) => node.getBoundingClientRect());
      const box = boxes.find(({ top, bottom }) => top < innerHeight - 180 && bottom > 120);
      return box && { x: box.x + 20, y: (Math.max(box.top, 80) + Math.min(box.bottom, innerHeight - 150)) / 2 };
    });
  let at = await inView();
  for (let more = 0; more < 4 && !at; more++) {
    await answer.grow();
    at = await inView();
  }
  assert.ok(at, 'there was never code or a table in view');
  await page.mouse.move(at.x, at.y);
  await page.mouse.wheel(200, 0);
  await answer.grow();
  assert.ok((await gap(page)) <= 2);
  await answer.end();
});

browserTest('sending takes hold again, wherever the reader was', async ({ page, fake }) => {
  const answer = await growing(page, fake);
  await answer.end();
  await page.evaluate(() => document.getElementById('scroller').scrollTo(0, 0));
  await frames(page);
  fake.onChat = async (stream) => {
    await stream.say('Short.');
    await stream.done();
  };
  await send(page, 'more');
  await until(async () => (await gap(page)) <= 2);
});

browserTest(
  'with reduced motion the button jumps at once',
  async ({ page, fake }) => {
    const answer = await growing(page, fake);
    await page.evaluate(() => document.getElementById('scroller').scrollTo(0, 0));
    await frames(page);
    await page.click('#jump');
    await frames(page, 2);
    assert.ok((await gap(page)) <= 2);
    await answer.end();
  },
  { reducedMotion: 'reduce' },
);

browserTest(
  'whatever a reader does while it grows: at the end it follows, elsewhere it stays',
  async ({ page, fake }) => {
    const answer = await growing(page, fake);
    let state = 20261124;
    const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    for (let step = 0; step < 6; step++) {
      const to = random() < 0.5 ? 1e9 : Math.floor(random() * 400);
      await page.evaluate((where) => document.getElementById('scroller').scrollTo(0, where), to);
      await frames(page);
      const before = { top: await top(page), gap: await gap(page) };
      await answer.grow();
      if (before.gap <= 2) assert.ok((await gap(page)) <= 2, `step ${step} did not follow`);
      else assert.equal(await top(page), before.top, `step ${step} moved`);
    }
    await answer.end();
  },
);
