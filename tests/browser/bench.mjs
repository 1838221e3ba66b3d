//! `npm run bench`: the budgets that are times, as medians of three. Prints JSON; judges nothing.
//!
//! Flushes of a 20,000-token answer, opening a stored one, frames per second while one streams at 100 tokens a second
//! (1x and 4x CPU throttle), and typing meanwhile.

import { chromium } from 'playwright-core';
import { answerState, executablePath, FLAGS } from './support/browser.mjs';
import { Fake } from './support/fake.mjs';
import { longAnswer } from './support/markdown.mjs';

const TOKENS = 20_000;
const CHARS = 4;
const ROUNDS = 3;
const LIVE_MS = 6_000;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value) => Math.round(value * 100) / 100;

/** Runs in the page: one flush per frame's worth of tokens, timed with its layout. */
async function flushes({ text, step }) {
  const { StreamRenderer } = await import('/js/md/stream.js');
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
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      if (now - start >= ms) {
        const gaps = frames.slice(1);
        resolve({
          fps: (gaps.length * 1000) / gaps.reduce((sum, gap) => sum + gap, 0),
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

/** Milliseconds from the click to the last message drawn. */
const opening = () =>
  withPage(async (page, fake) => {
    fake.onChat = async (stream) => {
      await stream.say(longAnswer(TOKENS));
      await stream.done();
    };
    await ask(page);
    await answerState(page, 'done');
    await page.click('#new-chat');
    await page.waitForSelector('#empty:not([hidden])');
    return page.evaluate(
      () =>
        new Promise((resolve) => {
          const start = performance.now();
          new MutationObserver((_, observer) => {
            if (!document.querySelector('.assistant[data-state=done]')) return;
            observer.disconnect();
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
          }).observe(document.getElementById('transcript'), { subtree: true, childList: true, attributes: true });
          document.querySelector('.chat-open').click();
        }),
    );
  });

const live = (throttle) =>
  withPage(async (page, fake, context) => {
    const session = await context.newCDPSession(page);
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
const report = {
  tokens: TOKENS,
  flush: await medians(() => withPage((page) => page.evaluate(flushes, { text, step }))),
  openMs: await medians(opening),
  live: await medians(() => live(1)),
  liveThrottled4x: await medians(() => live(4)),
};
await browser.close();
console.log(JSON.stringify(report, null, 1));
