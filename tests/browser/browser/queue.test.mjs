//! The line: what everybody sees, my own place, leaving it, and honesty when it cannot be read.

import assert from 'node:assert/strict';
import { answerState, browserTest, hide, messages, send, signal, useBrowser, until } from '../support/browser.mjs';
import { longAnswer } from '../support/markdown.mjs';

useBrowser();

const active = (page) => page.locator('#queue-active').innerText();
const queued = (page) => page.locator('#queue-queued');
/** From the next page on, time goes only as the test says. */
async function pauseClock({ clock }) {
  await clock.install({ time: 0 });
  await clock.pauseAt(1_000);
}
const polls = (fake) => fake.requests.filter(({ path }) => path === '/api/queue-status').length;

browserTest(
  'the indicator shows active / max, and who waits',
  async ({ page }) => {
    await until(async () => (await active(page)) === '4 / 4');
    assert.equal(await queued(page).innerText(), '2 waiting');
    assert.equal(await page.locator('#queue-dots i[data-on]').count(), 4);
    assert.equal(await page.getAttribute('#queue', 'title'), '4 of 4 running, 2 waiting');
    assert.equal(await page.locator('#empty-now').innerText(), 'All busy just now: you would be number 3 in line.');
  },
  { setUp: (fake) => (fake.line = { activeRequests: 4, queuedRequests: 2, maxConcurrent: 4 }) },
);

browserTest('a line that cannot be read is shown as unknown, not as the last value', async ({ page, fake }) => {
  await until(async () => (await active(page)) === '0 / 4');
  fake.line = null;
  await hide(page, false);
  await until(async () => (await active(page)) === '– / –');
  assert.equal(await queued(page).isVisible(), false);
  assert.match(await page.getAttribute('#queue', 'title'), /cannot be read/);
  fake.line = { activeRequests: 1, queuedRequests: 0, maxConcurrent: 4 };
  await until(async () => (await active(page)) === '1 / 4');
  assert.equal(await page.locator('#empty-now').innerText(), 'Free just now: your answer starts at once.');
});

browserTest(
  'my place moves 3, 2, 1, and then the answer comes',
  async ({ context, open, fake }) => {
    const steps = [signal(), signal(), signal(), signal()];
    fake.onChat = async (stream) => {
      await stream.place(3, { queued: 7, etaSeconds: 40 });
      await steps[0];
      await stream.place(2, { queued: 6, etaSeconds: 20 });
      await steps[1];
      await stream.place(1, { queued: 5, active: 3 });
      await steps[2];
      await stream.place(0, { queued: 4 });
      await steps[3];
      await stream.say('Here.');
      await stream.done();
    };
    await pauseClock(context);
    const page = await open();
    await page.route('**/api/queue-status', () => {}); // never answered: what follows is from the heartbeats alone
    const pending = page.locator('.pending-text');
    const says = (text) => until(async () => (await pending.innerText()) === text, text);
    await send(page, 'q');
    await says('Place 3 of 7 in line · 4 of 4 running');
    assert.equal(await page.locator('.places i').count(), 3);
    await until(async () => (await queued(page).innerText()) === '7 waiting');
    steps[0].fire();
    await says('Place 2 of 6 in line · 4 of 4 running');
    await page.clock.runFor(10_000);
    steps[1].fire();
    await says('Place 1 of 5 in line · 3 of 4 running');
    steps[2].fire();
    await says('Waiting for the first word'); // however long it stood in line
    assert.equal(await page.locator('.places i').count(), 0);
    await page.clock.runFor(3_000);
    await says('Loading the model, or reading a long message');
    steps[3].fire();
    await answerState(page, 'done');
    assert.deepEqual(await messages(page), ['q', 'Here.']);
  },
  { alone: true, path: '' },
);

browserTest(
  'the place is large, moves forward, and an estimate that has passed is not told any more',
  async ({ context, open, fake }) => {
    const steps = [signal(), signal()];
    fake.onChat = async (stream) => {
      await stream.place(4, { etaSeconds: 10, reason: 'settling' });
      await steps[0];
      await stream.place(1, { etaRange: [5, 12] });
      await steps[1];
      await stream.place(1, { etaRange: [1, 2] });
      await stream.closed;
    };
    await pauseClock(context);
    const page = await open();
    await page.route('**/api/queue-status', () => {});
    const says = (selector, text) => until(async () => (await page.locator(selector).innerText()) === text, text);
    await send(page, 'q');
    await says('.place-now', 'Number 4 in line');
    await says('.place-eta', 'Your turn in 7–15 s, as it looks now');
    await until(async () => /begins anew/.test(await page.locator('.place-reason').innerText()));
    assert.equal(await page.title(), '(4) · q · Sluice');
    await page.clock.runFor(16_000);
    await says('.place-eta', 'It takes longer than it looked. Your place is kept.');
    steps[0].fire();
    await says('.place-now', 'Number 1 in line');
    await says('.place-eta', 'Your turn in 5–12 s, as it looks now');
    assert.equal(await page.locator('.place progress').evaluate((bar) => bar.value / bar.max), 0.75);
    await page.clock.runFor(13_000);
    steps[1].fire();
    await says('.place-eta', 'It takes longer than it looked. Your place is kept.');
    await page.click('#send');
    await page.waitForFunction(() => !document.title.startsWith('('));
  },
  { alone: true, path: '' },
);

browserTest(
  'that a key is needed is said before one has written',
  async ({ page }) => {
    await page.click('#empty-key-enter');
    await page.fill('#key-input', 'right');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#empty-key', { state: 'hidden' });
    assert.equal(await page.locator('#empty-now').isVisible(), true);
  },
  { setUp: (fake) => (fake.key = 'right') },
);

browserTest(
  'under a name that the server does not answer to, its sentence is all there is',
  async ({ page }) => {
    assert.equal(await page.locator('#only-text').innerText(), 'add "x.example" to allowed_hosts');
    await page.locator('#only-title', { hasText: 'does not answer under this name' }).waitFor();
    assert.equal(await page.locator('#app').isVisible(), false);
  },
  {
    setUp: (fake) => {
      fake.healthStatus = 421;
      fake.health = { error: 'add "x.example" to allowed_hosts', code: 'host_not_allowed' };
    },
  },
);

browserTest(
  "the server's own model has its name, and an answer says which one wrote it",
  async ({ page }) => {
    await until(async () => (await page.locator('#model option').first().innerText()) === 'qwen3:1.7b');
    await send(page, 'q');
    await answerState(page, 'done');
    assert.equal(await page.locator('.assistant .model-name').innerText(), 'm');
  },
  {
    setUp: (fake) => {
      fake.health = { ...fake.health, model: 'qwen3:1.7b' };
      fake.tags = { models: [{ name: 'qwen3:1.7b' }] };
    },
  },
);

browserTest('a model that loads is told of after two seconds', async ({ page, fake }) => {
  const go = signal();
  fake.onChat = async (stream) => {
    await stream.place(0);
    await go;
    await stream.say('x');
    await stream.done();
  };
  await send(page, 'q');
  await until(async () => /^Loading the model/.test(await page.locator('.pending-text').innerText()));
  go.fire();
  await answerState(page, 'done');
});

browserTest('leaving the line gives the place back at once', async ({ page, fake }) => {
  let stream;
  fake.onChat = async (one) => {
    stream = one;
    await one.place(2);
    await one.closed;
  };
  await send(page, 'q');
  await page.click('[data-action="cancel"]:visible');
  await answerState(page, 'stopped');
  await stream.closed;
  await until(() => fake.deleted.length === 1);
  assert.deepEqual(fake.deleted, [stream.ticket]);
  assert.equal(await page.locator('.message.user').count(), 1);
});

browserTest(
  'nothing is asked while the tab is hidden; coming back asks at once',
  async ({ context, open, fake }) => {
    await pauseClock(context);
    const page = await open();
    await until(() => polls(fake) === 1);
    await hide(page, true);
    await page.clock.runFor(60_000);
    assert.equal(polls(fake), 1);
    await hide(page, false);
    await until(() => polls(fake) === 2);
  },
  { alone: true, path: '' },
);

browserTest(
  'the pace is one second while an answer is on its way, five else',
  async ({ page, fake }) => {
    await page.clock.install();
    fake.onChat = async (stream) => {
      await stream.place(1);
      await stream.closed;
    };
    await send(page, 'q');
    await page.waitForSelector('[data-state="queued"]');
    await until(() => polls(fake) >= 2);
    const before = polls(fake);
    for (let second = 0; second < 4; second++) {
      await page.clock.runFor(1_000);
      await until(() => polls(fake) >= before + second + 1, `poll ${second}`);
    }
    await page.click('#send');
    await answerState(page, 'stopped');
  },
  { alone: true },
);

browserTest('a hidden tab is told by its title when it is my turn', async ({ page, fake }) => {
  const [go, end] = [signal(), signal()];
  fake.onChat = async (stream) => {
    await stream.place(1);
    await go;
    await stream.place(0);
    await end;
    await stream.say('x');
    await stream.done();
  };
  await send(page, 'q');
  await page.waitForSelector('[data-state="queued"]');
  await hide(page, true);
  go.fire();
  await until(async () => (await page.title()) === 'It is your turn · q · Sluice');
  end.fire();
  await until(async () => (await page.title()) === 'Answer ready · q · Sluice');
  await hide(page, false);
  assert.equal(await page.title(), 'q · Sluice');
});

browserTest(
  'eight tabs load and chat at the same time',
  async ({ open, fake }) => {
    const pages = await Promise.all(Array.from({ length: 8 }, () => open()));
    await Promise.all(pages.map((page, index) => send(page, `tab ${index}`)));
    await Promise.all(pages.map((page) => answerState(page, 'done')));
    assert.equal(fake.chats.length, 8);
  },
  { path: '' },
);

/** An answer of two pieces for each prompt, and what lets its second piece go. */
function inHalves(fake) {
  const rest = new Map();
  fake.onChat = async (stream) => {
    rest.set(stream.prompt, signal());
    await stream.say('Half ');
    await rest.get(stream.prompt);
    await stream.say(`of ${stream.prompt}`);
    await stream.done();
  };
  return rest;
}

/** The words of the shown conversation that are in IndexedDB. */
const written = (page) =>
  page.evaluate(async () => {
    const { Store } = await import('/js/state/store.js');
    const { pathOf } = await import('/js/state/tree.js');
    const { chat } = await new Store('device').read(location.hash.slice(1));
    return pathOf(chat).map(({ content }) => content);
  });

/** Waits until a conversation is shown whole in a tab: the words of every message, and nothing that went wrong. */
const shows = async (page, words) => {
  await until(async () => JSON.stringify(await messages(page)) === JSON.stringify(words), words.at(-1)).catch(
    async (error) => assert.deepEqual(await messages(page), words, error.message),
  );
  await until(async () => (await page.locator('.assistant:not([data-state="done"]), .card').count()) === 0, 'all done');
};

browserTest(
  "two tabs on one conversation show each other's words, also those that came meanwhile",
  async ({ page, open, fake }) => {
    await send(page, 'start');
    await answerState(page, 'done');
    await until(() => page.evaluate(() => location.hash.length > 1));
    const other = await open(await page.evaluate(() => `/${location.hash}`));
    await answerState(other, 'done');
    const rest = inHalves(fake);
    await send(other, 'two');
    await until(async () => (await messages(page)).length === 4);
    await send(page, 'one');
    await until(() => rest.has('one'));
    rest.get('two').fire();
    await until(async () => (await written(other))[3] === 'Half of two');
    rest.get('one').fire();
    const words = ['start', 'Hello there.', 'two', 'Half of two', 'one', 'Half of one'];
    await shows(page, words);
    await shows(other, words);
  },
);

browserTest("another tab's words move nobody who reads, and redraw nothing else", async ({ page, open, fake }) => {
  fake.onChat = async (stream) => {
    await stream.say(longAnswer(1_500));
    await stream.done();
  };
  await send(page, 'start');
  await answerState(page, 'done');
  await until(() => page.evaluate(() => location.hash.length > 1));
  const other = await open(await page.evaluate(() => `/${location.hash}`));
  await answerState(other, 'done');
  await other.evaluate(() => {
    window.kept = document.querySelector('.assistant .text').firstElementChild;
    document.getElementById('scroller').scrollTo(0, 100);
  });
  await other.waitForSelector('#jump:not([hidden])');
  const rest = inHalves(fake);
  await send(page, 'two');
  await until(async () => (await messages(other)).at(-1) === 'Half');
  await other.waitForSelector('#jump[data-unseen]');
  rest.get('two').fire();
  await until(async () => (await messages(other)).at(-1) === 'Half of two');
  await answerState(other, 'done');
  assert.deepEqual(
    await other.evaluate(() => [document.getElementById('scroller').scrollTop, window.kept.isConnected]),
    [100, true],
  );
});
