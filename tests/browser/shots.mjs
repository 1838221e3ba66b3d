//! Pictures of the page's states, for people to look at: `node shots.mjs FOLDER [NAME…]`. A state of `support/states.mjs`
//! is one picture at both sizes, in light and dark; the others are as they are named.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { answerState, executablePath, FLAGS } from './support/browser.mjs';
import { Fake } from './support/fake.mjs';
import { sheet } from './support/sheets.mjs';
import { STATES } from './support/states.mjs';

const [folder = 'shots', ...only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

const ANSWER = `A sluice holds water back and lets it through **in measure**.

1. Water waits above the gate.
2. The gate opens as far as the channel below can carry.
3. Nobody downstream is flooded.

\`\`\`rust
/// Lets one more through if there is room.
fn admit(line: &mut Line) -> Option<Ticket> {
    (line.active < line.max).then(|| line.next())
}
\`\`\`

| Gate | Open | Flow |
|---|--:|---|
| upper | 40 % | calm |
| lower | 75 % | quick |

> Still water runs deep.

See [the manual](https://example.org) for more.`;

const answer = (text) => async (stream) => {
  for (const piece of text.match(/.{1,9}/gs)) await stream.say(piece);
  await stream.done();
};
/** Room for all that stands one below the other. */
const TALL = { viewport: { width: 1000, height: 5000 } };
const full = { activeRequests: 4, queuedRequests: 6, maxConcurrent: 4 };

async function ask(page, text) {
  await page.fill('#composer-text', text);
  await page.click('#send');
}

const rich = async (page, fake) => {
  fake.onChat = answer(ANSWER);
  await ask(page, 'How does a sluice work?');
  await answerState(page, 'done');
  await page.waitForTimeout(500);
};
const third = async (page, fake) => {
  fake.line = full;
  fake.onChat = (stream) => stream.place(3, { queued: 6, etaSeconds: 40 });
  await ask(page, 'Explain tides to a child, in three sentences.');
  await page.waitForSelector('[data-state="queued"]');
  await page.waitForTimeout(1200);
};
/** The picture of the README: some history, an answer on its way, and others who wait. */
const page = async (page, fake) => {
  for (const question of ['Draft a polite reminder about rent', 'Why is the sky blue?', 'Plan a week of meals']) {
    fake.onChat = answer('Gladly.');
    await ask(page, question);
    await answerState(page, 'done');
    await page.click('#new-chat');
    await page.waitForSelector('#empty:not([hidden])');
  }
  fake.line = { activeRequests: 4, queuedRequests: 3, maxConcurrent: 4 };
  fake.onChat = async (stream) => {
    await stream.think('The user wants to know how a sluice works. Keep it short.');
    for (const piece of ANSWER.slice(0, ANSWER.indexOf(' | quick')).match(/.{1,9}/gs)) await stream.say(piece);
  };
  await ask(page, 'How does a sluice work?');
  await page.waitForSelector('.hljs-keyword');
  await page.waitForTimeout(1_500);
};
const CODES = [
  [400, 'invalid_json'],
  [400, 'invalid_request'],
  [400, 'invalid_option'],
  [408, 'body_stalled'],
  [413, 'body_too_large'],
  [403, 'foreign_origin'],
  [403, 'model_not_allowed'],
  [403, 'not_exposed'],
  [404, 'model_not_found'],
  [429, 'queue_full'],
  [429, 'rate_limited'],
  [502, 'upstream_error'],
  [503, 'overloaded'],
  [503, 'upstream_busy'],
  [503, 'upstream_down'],
  [503, 'store_unavailable'],
  [503, 'misconfigured'],
  [504, 'upstream_timeout'],
  [504, 'queue_timeout'],
];
/** Every refusal, one below the other. */
const refusals = async (page, fake) => {
  for (const [status, code] of CODES) {
    fake.onChat = (stream) => stream.refuse(status, code, code === 'queue_full' ? { 'retry-after': '24' } : {});
    await ask(page, `This comes to ${code}`);
    await page.waitForSelector(`.card[data-code="${code}"]`);
  }
};
/** Every way in which an answer can end after it was taken, one below the other. */
const endings = async (page, fake) => {
  const half = ANSWER.slice(0, 60);
  const ends = {
    empty: (stream) => stream.done(),
    cancelled: (stream) => stream.error('given up by its ticket', 'cancelled'),
    queue_timeout: (stream) => stream.error('waited 600 s', 'queue_timeout'),
    incomplete_answer: (stream) => stream.error('the answer ended before it was complete', 'incomplete_answer'),
    upstream_timeout: async (stream) => (
      await stream.say(half),
      await stream.error('no byte for 120 s', 'upstream_timeout')
    ),
    upstream_error: async (stream) => (await stream.say(half), await stream.error('out of memory')),
    interrupted: async (stream) => (await stream.say(half), stream.end()),
  };
  for (const [code, end] of Object.entries(ends)) {
    fake.onChat = end;
    await ask(page, `This comes to ${code}`);
    await page.waitForSelector(`.card[data-code="${code}"]`);
  }
  await page.route('**/api/chat', (route) => route.abort('connectionrefused'));
  await ask(page, 'This comes to unreachable');
  await page.waitForSelector('.card[data-code="unreachable"]');
  await page.context().setOffline(true);
  await ask(page, 'This comes to offline');
  await page.waitForSelector('.card[data-code="offline"]');
};
const SHOTS = {
  page: [page],
  refusals: [refusals, TALL],
  'refusals-dark-german': [refusals, { ...TALL, colorScheme: 'dark', locale: 'de-DE' }],
  endings: [endings, TALL],
  forced: [third, { forcedColors: 'active' }],
};
/** The page of a server that says which model answers, and perhaps more. */
const named = async (page, fake, more = {}) => {
  fake.health = { ...fake.health, model: 'qwen3:8b', ...more };
  await page.reload();
  await page.waitForSelector('html[data-ready]');
};
const TIDES = 'Explain tides to a child, in three sentences.';
/** Those of `docs/users/`: `node shots.mjs ../../docs/users users`. */
const USERS = {
  streaming: async (page, fake) => {
    await named(page, fake);
    fake.line = { activeRequests: 3, queuedRequests: 0, maxConcurrent: 4 };
    fake.onChat = async (stream) => {
      await stream.think('The user wants to know how a sluice works. Keep it short.');
      for (const piece of ANSWER.slice(0, ANSWER.indexOf('| lower')).match(/.{1,9}/gs)) await stream.say(piece);
    };
    await ask(page, 'How does a sluice work?');
    await page.waitForSelector('.hljs-keyword');
    await page.waitForTimeout(1_500);
  },
  third: async (page, fake) => (await named(page, fake), await third(page, fake)),
  'line-full': async (page, fake) => {
    await named(page, fake);
    fake.line = { activeRequests: 4, queuedRequests: 64, maxConcurrent: 4 };
    fake.onChat = (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '24' });
    await ask(page, TIDES);
    await page.waitForSelector('.card[data-code="queue_full"]');
    await page.waitForSelector('#queue-queued:has-text("64")');
  },
  key: async (page, fake) => {
    fake.key = 'right';
    await named(page, fake);
    await ask(page, TIDES);
    await page.locator('#key-dialog').waitFor();
  },
  interrupted: async (page, fake) => {
    await named(page, fake);
    fake.onChat = async (stream) => {
      await stream.say(ANSWER.slice(0, ANSWER.indexOf('\n3.')));
      await stream.error('the runner stopped');
    };
    await ask(page, 'How does a sluice work?');
    await page.waitForSelector('.card');
    await page.locator('.assistant .text li').nth(1).waitFor();
  },
  notice: async (page, fake) => {
    await named(page, fake, { notice: 'Maintenance at noon; back at one.' });
    await third(page, fake);
  },
};
/** Those of `docs/states/`: `node shots.mjs ../../docs/states states`. */
const SHEETS = {
  ...STATES,
  'a long answer': rich,
  'the list': async (page, fake) => {
    await rich(page, fake);
    if ((await page.getAttribute('#app', 'data-sidebar')) === 'closed') await page.click('#menu');
  },
};

async function dashboard(page, fake) {
  let count = 0;
  for (let step = 0; step < 14; step++) {
    count += 3 + (step % 4);
    fake.queue = {
      active: Math.min(4, 2 + (step % 4)),
      queued: step % 6,
      max: 4,
      classes: { interactive: { queued: step % 4 }, batch: { queued: 1 } },
      serviceSeconds: 11.8,
      estimatedWaitSeconds: 9,
      tokens: count * 90,
      upstreams: [
        { index: 0, active: 3, max: 3, breaker: 'closed' },
        { index: 1, active: 0, max: 1, breaker: 'open' },
      ],
    };
    const buckets = (name) =>
      [0.5, 1, 2, 5].map((le, at) => `${name}{le="${le}"} ${Math.floor((count * (at + 1)) / 4)}`).join('\n') +
      `\n${name}{le="+Inf"} ${count}`;
    fake.metrics = `${buckets('sluice_wait_seconds_bucket')}\n${buckets('sluice_first_token_seconds_bucket')}\nsluice_refused_total ${step}\n`;
    await page.clock.runFor(2_000);
    await page.waitForTimeout(150);
  }
}

const browser = await chromium.launch({ executablePath, args: FLAGS });
async function shoot(name, run, options = {}) {
  const fake = await new Fake().start();
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-US',
    serviceWorkers: 'block',
    ...options,
  });
  const page = await context.newPage();
  await page.goto(fake.url);
  await page.waitForSelector('html[data-ready]');
  await run(page, fake);
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
  await fake.stop();
}
const wanted = (name) => only.length === 0 || only.includes(name);
for (const [name, [run, options]] of Object.entries(SHOTS)) if (wanted(name)) await shoot(name, run, options);
if (only.includes('users')) for (const [name, run] of Object.entries(USERS)) await shoot(name, run);
for (const [name, reach] of Object.entries(SHEETS)) {
  if (!wanted(name) && !only.includes('states')) continue;
  await sheet(browser, folder, name, reach).catch((error) => console.error(`${name}: ${error.message}`));
}
if (wanted('dashboard') || only.includes('states')) await sheet(browser, folder, 'dashboard', dashboard, '/dashboard/');
await browser.close();
