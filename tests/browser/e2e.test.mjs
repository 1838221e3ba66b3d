//! The real thing: the page through the real component, gate and store, before a scriptable upstream.
//!
//! SLUICE_URL is the address of a running Sluice, SIM_URL the simulator behind it. Skipped without them.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { judge } from '../../static/js/view/health.js';
import {
  answerState,
  answerText,
  executablePath,
  FLAGS,
  send,
  skip as noBrowser,
  until as within,
} from './support/browser.mjs';
import { CSP, ROOT } from './support/files.mjs';

const { SLUICE_URL, SIM_URL } = process.env;
const skip = SLUICE_URL && SIM_URL ? noBrowser : 'SLUICE_URL and SIM_URL are not set: no Sluice runs';
const options = { skip, timeout: 120_000 };
/** A client that left is noticed at the next heartbeat, which may be 5 s away, or when its record expires, after 15 s. */
const until = (holds, what) => within(holds, what, 30_000);

let browser;
before(async () => {
  if (!skip) browser = await chromium.launch({ executablePath, args: FLAGS });
});
after(() => browser?.close());

/** An open page, and what went wrong on it. */
async function open() {
  const context = await browser.newContext({ locale: 'en-US', serviceWorkers: 'block' });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.stack));
  page.on('console', (message) => /Content Security Policy/.test(message.text()) && faults.push(message.text()));
  await page.goto(SLUICE_URL);
  await page.waitForSelector('html[data-ready]');
  held.push(() => context.close());
  return { page, faults };
}

const line = async () => (await fetch(new URL('/api/queue-status', SLUICE_URL))).json();
const rest = () =>
  until(async () => {
    const { activeRequests, queuedRequests } = await line();
    return activeRequests === 0 && queuedRequests === 0;
  }, 'the line comes to rest');

/** What a test opened or holds, let go when it ends, however it ends. */
let held = [];
afterEach(async () => {
  for (const letGo of held) await letGo();
  held = [];
});

/** Holds a place of the line until it is let go. */
function occupy(prompt) {
  const abort = new AbortController();
  const done = fetch(new URL('/api/chat', SLUICE_URL), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
    signal: abort.signal,
  })
    .then((response) => response.text())
    .catch(() => '');
  held.push(() => abort.abort());
  return { done, leave: () => abort.abort() };
}

/** A body that nobody reads would hold this process for a minute after its last test. */
async function headersOf(path) {
  const { headers, body } = await fetch(new URL(path, SLUICE_URL));
  await body?.cancel();
  return headers;
}

/** What the page says of its place. */
async function says(page, text) {
  const pending = page.locator('.pending-text').last();
  await until(async () => (await pending.innerText()).startsWith(text), text).catch(async (error) => {
    throw new Error(
      `${error.message}; it says "${await pending.innerText()}" and the line is ${JSON.stringify(await line())}`,
    );
  });
}

const LONG = '[[sim tokens=600 pace=100ms]] hold a slot';

test('a whole chat through Sluice: streamed, counted, kept', options, async () => {
  await rest();
  const { page, faults } = await open();
  await send(page, '[[sim tokens=150 pace=30ms first=300ms]] tell me');
  await page.waitForSelector('[data-state="streaming"]');
  await until(async () => (await answerText(page)).length > 20);
  const early = (await answerText(page)).length;
  await answerState(page, 'done');
  assert.ok((await answerText(page)).length > early, 'it came all at once');
  assert.match(await page.locator('.assistant .stats').innerText(), /150 tokens/);
  await page.reload();
  await answerState(page, 'done');
  assert.deepEqual(faults, []);
});

test('a full line: 4 / 4 and one waiting; my place, then my answer', options, async () => {
  await rest();
  const { page, faults } = await open();
  const holders = Array.from({ length: 4 }, () => occupy(LONG));
  await until(async () => (await line()).activeRequests === 4, 'four run');
  const fifth = occupy(LONG);
  await until(async () => (await line()).queuedRequests === 1, 'one waits');
  await until(async () => (await page.locator('#queue-active').innerText()) === '4 / 4', 'the page says 4 / 4');
  await until(async () => (await page.locator('#queue-queued').innerText()) === '1 waiting', 'the page says 1 waiting');
  await send(page, '[[sim tokens=5 pace=10ms]] me too');
  await page.waitForSelector('[data-state="queued"]');
  await says(page, 'Place 2 of 2 in line · 4 of 4 running');
  fifth.leave();
  await says(page, 'Place 1 of 1 in line · 4 of 4 running');
  holders[0].leave();
  await answerState(page, 'done');
  assert.deepEqual(faults, []);
});

test('a page that is loaded again in line stands where it stood, before those who came later', options, async () => {
  await rest();
  const { page, faults } = await open();
  const holders = Array.from({ length: 4 }, () => occupy(LONG));
  await until(async () => (await line()).activeRequests === 4, 'four run');
  await send(page, '[[sim tokens=5 pace=10ms]] me first');
  await says(page, 'Place 1 of 1 in line');
  await page.waitForTimeout(2_000); // places of the same second are of the same age
  occupy(`${LONG}, behind the page`); // the words of no other test, whose age would count
  await until(async () => (await line()).queuedRequests === 2, 'another one waits');
  await page.reload();
  await says(page, 'Place 1 of 2 in line');
  holders[0].leave();
  await answerState(page, 'done');
  assert.deepEqual(faults, []);
});

test('Stop frees the slot, and the upstream stream is ended', options, async () => {
  await rest();
  const { page } = await open();
  await send(page, '[[sim tokens=2000 pace=20ms]] go on and on');
  await page.waitForSelector('[data-state="streaming"]');
  await until(async () => (await line()).activeRequests === 1, 'one runs');
  const counts = async () => (await (await fetch(new URL('/sim/counts', SIM_URL))).json()).streams;
  await until(async () => (await counts()).now === 1, 'the upstream has seen those of other tests end');
  const before = await counts();
  await page.click('#send');
  await answerState(page, 'stopped');
  await until(async () => (await line()).activeRequests === 0, 'the slot is free');
  await until(async () => (await counts()).aborted === before.aborted + 1, 'the upstream was aborted');
});

test('leaving the line gives the place back', options, async () => {
  await rest();
  const { page } = await open();
  const holders = Array.from({ length: 4 }, () => occupy(LONG));
  await until(async () => (await line()).activeRequests === 4);
  await send(page, 'I will not stay');
  await page.waitForSelector('[data-state="queued"]');
  await page.click('[data-action="cancel"]:visible');
  await answerState(page, 'stopped');
  await until(async () => (await line()).queuedRequests === 0, 'nobody waits');
});

test('an answer that breaks off is kept and marked; an error before it is told', options, async () => {
  await rest();
  const { page } = await open();
  await send(page, '[[sim tokens=40 pace=5ms cut_at=10]] break off');
  await answerState(page, 'interrupted');
  assert.ok((await answerText(page)).length > 10);
  await page.waitForSelector('.card');
});

test('the banner says what /api/health says', options, async () => {
  const { page } = await open();
  const report = await (await fetch(new URL('/api/health', SLUICE_URL))).json();
  const verdict = judge(report);
  await page.waitForSelector(`#banner[data-kind="${verdict}"]`, { state: verdict === 'ok' ? 'hidden' : 'visible' });
});

test(
  'every text file is sent compressed, in both encodings, and is the file when it is unpacked',
  options,
  async () => {
    const files = readdirSync(ROOT, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(html|css|js|json|svg|webmanifest)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
    assert.ok(files.length > 60, `${files.length} files`);
    for (const file of files) {
      const whole = readFileSync(file);
      for (const encoding of ['br', 'gzip']) {
        const response = await fetch(new URL(relative(ROOT, file), SLUICE_URL), {
          headers: { 'accept-encoding': encoding },
        });
        assert.equal(response.headers.get('content-encoding'), encoding, file);
        assert.ok(whole.equals(Buffer.from(await response.arrayBuffer())), `${file} as ${encoding}`);
      }
    }
  },
);

test('the page comes with its policy, vendored files for good, and the dashboard shows the line', options, async () => {
  const { page } = await open();
  const headers = await headersOf('/');
  assert.equal(headers.get('content-security-policy'), CSP);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.ok(headers.get('referrer-policy'));
  assert.match(headers.get('vary') ?? '', /accept-encoding/i);
  const vendor = await headersOf('/vendor/marked-18.2.1.js');
  assert.match(vendor.get('cache-control'), /immutable/);
  assert.doesNotMatch(headers.get('cache-control') ?? '', /immutable/);
  await page.goto(new URL('/dashboard/', SLUICE_URL).href);
  await page.waitForSelector('html[data-ready]');
  assert.match(await page.locator('#active').innerText(), /^\d+ \/ 4$/);
});
