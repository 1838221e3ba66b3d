//! `npm run bench`: the budgets that are times, as medians of three. Prints JSON; judges nothing. `npm run bench -- NAME…`: some.
//!
//! Flushes of a 20,000-token answer, opening a stored one and a conversation of 40 messages of 500 tokens, frames per second
//! while an answer streams at 100 tokens a second below that conversation (1x and 4x CPU throttle), and typing meanwhile.

import { chromium } from 'playwright-core';
import { answerState, executablePath, FLAGS } from './support/browser.mjs';
import { Fake } from './support/fake.mjs';
import { longAnswer } from './support/markdown.mjs';

const TOKENS = 20_000;
const CHARS = 4;
const ROUNDS = 3;
const LIVE_MS = 8_000;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value) => Math.round(value * 100) / 100;

/** Runs in the page: one flush per frame's worth of tokens, timed with its layout. */
async function flushes({ text, step }) {
  const { StreamRenderer } = await (await import('/js/md/text.js')).loadMarkdown();
  const root = document.body.appendChild(document.createElement('div'));
  root.className = 'md';
  const renderer = new StreamRenderer(root);
  const times = [];
  for (let at = 0; at < text.length; at += step) {
    renderer.push(text.slice(at, at + step));
    const start = performance.now();
    renderer.flush();
    root.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  const start = performance.now();
  renderer.finish();
  root.getBoundingClientRect();
  const finishMs = performance.now() - start;
  const elements = root.querySelectorAll('*').length;
  root.remove();
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const sorted = times.toSorted((a, b) => a - b);
  const tenth = Math.floor(times.length / 10);
  return {
    meanMs: mean(times),
    p95Ms: sorted[Math.floor(times.length * 0.95)],
    p99Ms: sorted[Math.floor(times.length * 0.99)],
    growth: mean(times.slice(-tenth)) / mean(times.slice(0, tenth)),
    finishMs,
    elements,
  };
}

/** Runs in the page: frames and typing while an answer streams. */
function watch(ms) {
  const field = document.getElementById('composer-text');
  return new Promise((resolve) => {
    const frames = [];
    const typed = [];
    const start = performance.now();
    let last = start;
    const long = [];
    const observer = new PerformanceObserver((list) => long.push(...list.getEntries()));
    observer.observe({ type: 'longtask' });
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      if (now - start >= ms) {
        const gaps = frames.slice(1);
        resolve({
          fps: (gaps.length * 1000) / gaps.reduce((sum, gap) => sum + gap, 0),
          longTaskShare: long.reduce((sum, { duration }) => sum + duration, 0) / ms,
          longestTaskMs: Math.max(0, ...long.map(({ duration }) => duration)),
          slowFrames: gaps.filter((gap) => gap > 25).length / gaps.length,
          typingP95Ms: typed.toSorted((a, b) => a - b)[Math.floor(typed.length * 0.95)],
        });
        return;
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    const type = () => {
      const at = performance.now();
      field.value += 'x';
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
      requestAnimationFrame(() => setTimeout(() => typed.push(performance.now() - at)));
      if (at - start < ms - 200) setTimeout(type, 120);
    };
    type();
  });
}

async function withPage(run) {
  const fake = await new Fake().start();
  const context = await browser.newContext({
    locale: 'en-US',
    serviceWorkers: 'block',
    viewport: { width: 1280, height: 800 },
  });
  const page = await context.newPage();
  await page.goto(fake.url);
  await page.waitForSelector('html[data-ready]');
  const result = await run(page, fake, context);
  await context.close();
  await fake.stop();
  return result;
}

const ask = async (page) => {
  await page.fill('#composer-text', 'q');
  await page.click('#send');
};

/** A conversation of so many messages of so many tokens, stored and listed. */
async function store(page, count, tokens) {
  const messages = Array.from({ length: count }, (_, index) => ({
    id: index.toString(16).padStart(16, '0'),
    role: index % 2 ? 'assistant' : 'user',
    content: longAnswer(tokens),
    created: index,
    at: index,
    state: 'done',
  }));
  const fields = { version: 1, title: 'Long', created: 0, updated: 1, model: '', system: '', think: '', options: {} };
  const chats = [{ id: 'a'.repeat(16), ...fields, messages, gone: [] }];
  await page.click('#open-settings');
  await page.locator('#settings-dialog').waitFor();
  const buffer = Buffer.from(JSON.stringify({ format: 'sluice-chats', version: 1, chats }));
  await page.setInputFiles('#import-file', { name: 'x.json', mimeType: 'application/json', buffer });
  await page.waitForFunction(() => document.getElementById('settings-note').textContent !== '');
  await page.click('#settings-dialog button[type=submit]');
}

/** Milliseconds from the click to the last message drawn. */
const opening = (count, tokens) =>
  withPage(async (page) => {
    await page.evaluate(() => import('/js/md/stream.js')); // the renderer is there, as it is for whoever reads on
    await store(page, count, tokens);
    return page.evaluate(
      (answers) =>
        new Promise((resolve) => {
          const start = performance.now();
          new MutationObserver((_, observer) => {
            if (document.querySelectorAll('.assistant[data-state=done]').length < answers) return;
            observer.disconnect();
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
          }).observe(document.getElementById('transcript'), { subtree: true, childList: true, attributes: true });
          document.querySelector('.chat-open').click();
        }),
      Math.floor(count / 2),
    );
  });

const live = (throttle) =>
  withPage(async (page, fake, context) => {
    const session = await context.newCDPSession(page);
    await store(page, 40, 500);
    await page.click('.chat-open');
    await page.locator('.assistant[data-state=done]').nth(19).waitFor();
    const text = longAnswer(4_000);
    fake.onChat = async (stream) => {
      const start = performance.now();
      for (let sent = 0; !stream.left && sent < text.length;) {
        const due = Math.floor(((performance.now() - start) / 1000) * 100) * CHARS;
        for (; sent < due; sent += CHARS) await stream.say(text.slice(sent, sent + CHARS));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await ask(page);
    await page.waitForSelector('[data-state="streaming"]');
    await session.send('Emulation.setCPUThrottlingRate', { rate: throttle });
    const result = await page.evaluate(watch, LIVE_MS);
    await session.send('Emulation.setCPUThrottlingRate', { rate: 1 });
    await page.click('#send');
    return result;
  });

async function medians(run) {
  const results = [];
  for (let at = 0; at < ROUNDS; at++) results.push(await run());
  if (typeof results[0] === 'number') return round(median(results));
  return Object.fromEntries(
    Object.keys(results[0]).map((key) => [key, round(median(results.map((result) => result[key])))]),
  );
}

const browser = await chromium.launch({ executablePath, args: FLAGS });
const text = longAnswer(TOKENS);
const step = Math.round((100 / 60) * CHARS);
const MEASURES = {
  flush: () => withPage((page) => page.evaluate(flushes, { text, step })),
  openOneMs: () => opening(2, TOKENS),
  openMs: () => opening(40, 500),
  live: () => live(1),
  liveThrottled4x: () => live(4),
};
const named = process.argv.slice(2);
const report = { tokens: TOKENS };
for (const [name, run] of Object.entries(MEASURES)) {
  if (named.length === 0 || named.includes(name)) report[name] = await medians(run);
}
await browser.close();
console.log(JSON.stringify(report, null, 1));
