//! Chromium for the tests: one browser per file, and for each test a fake server of its own on an origin of its own.
//!
//! Storage, caches and workers belong to an origin, so a context (costly: a second of computing in the full Chromium)
//! is shared by the tests of a file that want the same of it.

import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Fake } from './fake.mjs';

/** The headless shell draws no window of its own around a page, and takes half the time for a test. */
const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
export const executablePath = PLACES.find((path) => path && existsSync(path));

/** Why browser tests are skipped, or false when they run. */
export const skip = executablePath
  ? false
  : 'Chromium is missing: install it (Debian: apt-get install chromium-headless-shell) or set CHROMIUM to its path';

export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // `lan.test` is an origin that is not secure, as http on a local network; each fake has a name below `localhost`.
  '--host-resolver-rules=MAP lan.test 127.0.0.1, MAP *.localhost 127.0.0.1',
];
/** No test may take longer: a hung page fails instead of hanging the run. A busy machine needs much of it. */
const LIMIT_MS = 120_000;
/** What is waited for and does not come within this is held to be wrong. */
export const PATIENCE_MS = 30_000;

let browser;
/** The file's tests are over: what one that was cut is still doing may not start another browser, which nobody would end. */
let over = false;
/** @type {Map<string, Promise<import('playwright-core').BrowserContext>>} by their options */
const contexts = new Map();

/** Call once at the top of a test file. */
export function useBrowser() {
  before(async () => {
    if (!skip) await launch();
  });
  after(() => {
    over = true;
    return browser?.close();
  });
}

async function launch() {
  contexts.clear();
  browser = await chromium.launch({ executablePath, args: FLAGS });
}

async function newContext(options) {
  const context = await browser.newContext({ locale: 'en-US', serviceWorkers: 'block', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** The context with these options: the same one each time, without pages. */
function contextOf(options) {
  const key = JSON.stringify(options);
  if (!contexts.has(key)) contexts.set(key, newContext(options));
  return contexts.get(key);
}

/**
 * A browser test: `run` gets an open chat page and the fake behind it. Fails on any error of the page, any policy
 * violation, and any request to another origin.
 * @param {string} rule
 * @param {(stage: {page: import('playwright-core').Page, fake: Fake, context: import('playwright-core').BrowserContext, open: (path?: string) => Promise<import('playwright-core').Page>}) => Promise<void>} run
 * @param {object} [options] of the browser context; `path: ''` opens nothing; `setUp(fake)` comes before the page;
 *   `allow` a pattern of page errors that belong to the test; `alone`: it changes its context (a clock, say), so nobody
 *   else may have it; `limitMs`: how long it may take
 */
export function browserTest(rule, run, { limitMs = LIMIT_MS, ...how } = {}) {
  test(rule, { skip, timeout: limitMs }, async (t) => {
    try {
      await runOnce(run, how);
    } catch (error) {
      if (over || browser.isConnected()) throw error;
      // Somebody has ended the browser, or the machine had no memory for it: that says nothing about the page.
      t.diagnostic(`Chromium is gone (${error.message}); once more in a new one`);
      await launch();
      await runOnce(run, how);
    }
  });
}

/** One test on an origin of its own. */
async function runOnce(run, { path = '/', setUp, allow, alone = false, ...options }) {
  const fake = await new Fake().start();
  setUp?.(fake);
  const context = await (alone ? newContext : contextOf)(options);
  const { faults, release } = watch(context, fake);
  const open = async (where = '/') => {
    const page = await context.newPage();
    await page.goto(new URL(where, fake.url).href);
    await page.waitForSelector('html[data-ready]');
    return page;
  };
  try {
    const page = path === '' ? undefined : await open(path);
    await run({ page, fake, context, open });
    const wrong = faults.filter((fault) => !allow?.test(fault));
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  } finally {
    release();
    try {
      if (browser.isConnected()) await (alone ? context.close() : cleared(context));
    } finally {
      await fake.stop();
    }
  }
}

/**
 * Until the page hears what is typed and clicked.
 * @param {import('playwright-core').Page} page
 */
export async function reload(page) {
  await page.reload();
  await page.waitForSelector('html[data-ready]');
}

async function cleared(context) {
  await context.setOffline(false);
  await context.clearPermissions();
  await Promise.all(context.pages().map((page) => page.close()));
}

/** Errors, policy violations and foreign requests of every page of the context, until it is released. */
function watch(context, fake) {
  const faults = [];
  const listeners = {
    weberror: (error) => faults.push(`page error: ${error.error().stack}`),
    request: (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.origin !== fake.url) faults.push(`request to ${url.href}`);
    },
    console: (message) => {
      if (/Content Security Policy|TrustedHTML|TrustedScript/i.test(message.text()))
        faults.push(`policy: ${message.text()}`);
    },
  };
  for (const [event, listener] of Object.entries(listeners)) context.on(event, listener);
  const release = () => {
    for (const [event, listener] of Object.entries(listeners)) context.off(event, listener);
  };
  return { faults, release };
}

/** Types a message and sends it. */
export async function send(page, text) {
  await page.fill('#composer-text', text);
  await page.press('#composer-text', 'Enter');
}

/** The state of the last answer, e.g. `done`. */
export const answerState = (page, state) =>
  page.waitForSelector(`.message.assistant:last-of-type[data-state="${state}"]`);

export const answerText = (page) => page.locator('.message.assistant').last().locator('.text').innerText();

export const composerText = (page) => page.inputValue('#composer-text');

/** Waits for a draft to be there. */
export const fillIn = (page, text) => until(async () => (await composerText(page)) === text, `the draft "${text}"`);

/** The text of every message, in order. */
export const messages = (page) => page.locator('.message .text').allInnerTexts();

/** What the tab would see if it were hidden or shown. */
export const hide = (page, hidden) =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

/** The names of the conversations in the list. */
export const titles = (page) => page.locator('.chat-open').allInnerTexts();

/** Has everything forgotten, by the settings. */
export async function forget(page) {
  await page.click('#open-settings');
  await page.click('#forget-all');
  await page.locator('#ask-dialog').waitFor();
  await page.click('#ask-yes');
}

/** Opens a conversation by its name in the list. */
export const openChat = (page, title) => page.locator('.chat-open').getByText(title, { exact: true }).click();

/**
 * Asks for a conversation to be deleted: its button shows under the pointer alone, and the list may move between the two.
 * A click that took too long may have been made: the question is there then, and hides the button.
 */
export const askToDelete = (item) =>
  until(async () => {
    if (await item.page().locator('#ask-dialog').isVisible()) return true;
    const limit = { timeout: 1_000 };
    await item.hover(limit).catch(() => {});
    const clicked = item.locator('[data-action="remove"]').click(limit);
    return clicked.then(
      () => true,
      () => false,
    );
  }, 'its button');

/** Waits until a condition of the page or the fake holds. One that a page never answers is wrong too. */
export async function until(holds, what = String(holds), limitMs = PATIENCE_MS) {
  let limit;
  const late = new Promise((_, reject) => {
    limit = setTimeout(() => reject(new Error(`never came true: ${what}`)), limitMs);
  });
  try {
    while (!(await Promise.race([holds(), late]))) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), late]);
    }
  } finally {
    clearTimeout(limit);
  }
}

/** A promise and its resolver, so that a test says when a script goes on. */
export function signal() {
  let fire;
  const promise = new Promise((resolve) => (fire = resolve));
  return Object.assign(promise, { fire });
}
