//! The real thing: the page through the real component, gate and store, before a scriptable upstream.
//!
//! SLUICE_URL is the address of a running Sluice, SIM_URL the simulator behind it. Skipped without them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { answerState, answerText, executablePath, FLAGS, send, skip as noBrowser, until } from './support/browser.mjs';
import { CSP } from './support/files.mjs';

const { SLUICE_URL, SIM_URL } = process.env;
const skip = SLUICE_URL && SIM_URL ? noBrowser : 'SLUICE_URL and SIM_URL are not set: no Sluice runs';
const options = { skip, timeout: 90_000 };

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
  return { page, close: () => context.close(), faults };
}

const line = async () => (await fetch(new URL('/api/queue-status', SLUICE_URL))).json();
const rest = () => until(async () => {
  const { activeRequests, queuedRequests } = await line();
  return activeRequests === 0 && queuedRequests === 0;
}, 'the line comes to rest');

/** Holds a place of the line until it is let go. */
function occupy(prompt) {
  const abort = new AbortController();
  const done = fetch(new URL('/api/chat', SLUICE_URL), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
    signal: abort.signal,
  }).then((response) => response.text()).catch(() => '');
  return { done, leave: () => abort.abort() };
}

const LONG = '[[sim tokens=600 pace=100ms]] hold a slot';

test('a whole chat through Sluice: streamed, counted, kept', options, async () => {
  await rest();
  const { page, close, faults } = await open();
  await send(page, '[[sim tokens=40 pace=20ms first=300ms]] tell me');
  await page.waitForSelector('[data-state="streaming"]');
  await until(async () => (await answerText(page)).length > 20);
  const early = (await answerText(page)).length;
  await answerState(page, 'done');
  assert.ok((await answerText(page)).length > early, 'it came all at once');
  assert.match(await page.locator('.assistant .stats').innerText(), /40 tokens/);
  await page.reload();
  await answerState(page, 'done');
  assert.deepEqual(faults, []);
  await close();
});

test('a full line: 4 / 4 and one waiting; my place, then my answer', options, async () => {
  await rest();
  const { page, close, faults } = await open();
  const holders = Array.from({ length: 4 }, () => occupy(LONG));
  await until(async () => (await line()).activeRequests === 4, 'four run');
  const fifth = occupy(LONG);
  await until(async () => (await line()).queuedRequests === 1, 'one waits');
  await until(async () => (await page.locator('#queue-active').innerText()) === '4 / 4', 'the page says 4 / 4');
  await until(async () => (await page.locator('#queue-queued').innerText()) === '1 waiting', 'the page says 1 waiting');
  await send(page, '[[sim tokens=5 pace=10ms]] me too');
  await page.waitForSelector('[data-state="queued"]');
  await until(async () => /^Place 2 of 2 in line · 4 of 4 running/.test(await page.locator('.pending-text').last().innerText()), 'place 2');
  fifth.leave();
  await until(async () => /^Place 1 of 1 in line/.test(await page.locator('.pending-text').last().innerText()), 'place 1');
  holders[0].leave();
  await answerState(page, 'done');
  for (const holder of holders) holder.leave();
  await Promise.all(holders.map(({ done }) => done));
  assert.deepEqual(faults, []);
  await close();
  await rest();
});

test('Stop frees the slot, and the upstream stream is ended', options, async () => {
  await rest();
  const { page, close } = await open();
  await send(page, '[[sim tokens=2000 pace=20ms]] go on and on');
  await page.waitForSelector('[data-state="streaming"]');
  assert.equal((await line()).activeRequests, 1);
  const counts = async () => (await fetch(new URL('/sim/counts', SIM_URL))).json();
  const before = await counts();
  await page.click('#send');
  await answerState(page, 'stopped');
  await until(async () => (await line()).activeRequests === 0, 'the slot is free');
  await until(async () => (await counts()).aborted === before.aborted + 1, 'the upstream was aborted');
  await close();
});

test('leaving the line gives the place back', options, async () => {
  await rest();
  const { page, close } = await open();
  const holders = Array.from({ length: 4 }, () => occupy(LONG));
  await until(async () => (await line()).activeRequests === 4);
  await send(page, 'I will not stay');
  await page.waitForSelector('[data-state="queued"]');
  await page.click('[data-action="cancel"]:visible');
  await answerState(page, 'stopped');
  await until(async () => (await line()).queuedRequests === 0, 'nobody waits');
  for (const holder of holders) holder.leave();
  await close();
  await rest();
});

test('an answer that breaks off is kept and marked; an error before it is told', options, async () => {
  await rest();
  const { page, close } = await open();
  await send(page, '[[sim tokens=40 pace=5ms cut_at=10]] break off');
  await answerState(page, 'interrupted');
  assert.ok((await answerText(page)).length > 10);
  await page.waitForSelector('.card');
  await close();
});

test('the page says that a simulator answers, and comes with its policy', options, async () => {
  const { page, close } = await open();
  await page.waitForSelector('#banner:not([hidden])[data-kind="simulator"], #banner:not([hidden])[data-kind="note"]');
  const { headers } = await fetch(SLUICE_URL);
  assert.equal(headers.get('content-security-policy'), CSP);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.ok(headers.get('referrer-policy'));
  assert.match(headers.get('vary') ?? '', /accept-encoding/i);
  const vendor = await fetch(new URL('/vendor/marked-18.2.1.js', SLUICE_URL));
  assert.match(vendor.headers.get('cache-control'), /immutable/);
  assert.doesNotMatch(headers.get('cache-control') ?? '', /immutable/);
  await page.goto(new URL('/dashboard/', SLUICE_URL).href);
  await page.waitForSelector('html[data-ready]');
  assert.match(await page.locator('#active').innerText(), /^\d+ \/ 4$/);
  await close();
});
