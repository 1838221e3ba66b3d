//! The service worker: what it keeps, and what comes from the network all the same.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { answerState, browserTest, reload, send, until, useBrowser } from '../support/browser.mjs';
import { ROOT } from '../support/files.mjs';

useBrowser();

browserTest(
  'a service worker that cannot keep a file serves it all the same',
  async ({ page, context, open }) => {
    await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null));
    const [worker] = context.serviceWorkers();
    await worker.evaluate(() => {
      Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    });
    const other = await open('/dashboard/');
    await other.locator('#active').waitFor();
    assert.equal(await other.evaluate(async () => (await fetch('/css/hljs.css')).ok), true);
  },
  { serviceWorkers: 'allow' },
);

browserTest(
  'a network that hangs is asked once for the page, not once for each of its files',
  async ({ page, fake }) => {
    await send(page, 'one');
    await answerState(page, 'done');
    await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null));
    await reload(page); // so that all of it is kept
    await answerState(page, 'done');
    fake.silent = true;
    const before = fake.requests.length;
    await page.reload({ waitUntil: 'commit' });
    await answerState(page, 'done');
    const asked = fake.requests.slice(before).map(({ path }) => path);
    assert.deepEqual(
      asked.filter((path) => !path.startsWith('/api/') && path !== '/sw.js'),
      ['/'],
    );
  },
  { serviceWorkers: 'allow' },
);

/** Today's page as another release: each of these modules says that it is of it. */
function newRelease(modules) {
  const files = readdirSync(ROOT, { recursive: true }).filter((path) =>
    /\.(html|css|js|json|svg|webmanifest)$/.test(path),
  );
  const release = new Map(files.map((path) => [`/${path}`, readFileSync(`${ROOT}/${path}`, 'utf8')]));
  for (const path of modules)
    release.set(path, `${release.get(path)}\n(globalThis.newer ??= []).push(${JSON.stringify(path)});\n`);
  return release;
}

browserTest(
  'a page of a new release waits for its files on a slow line: none of the one before is among them',
  async ({ page, fake }) => {
    await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null));
    await reload(page); // so that all of it is kept
    const modules = ['/js/app.js', '/js/dom.js'];
    fake.release = newRelease(modules);
    fake.late.set('/js/dom.js', 5_000); // longer than a kept one is waited for
    await reload(page);
    assert.deepEqual(await page.evaluate(() => (window.newer ?? []).sort()), modules);
  },
  { serviceWorkers: 'allow' },
);

browserTest(
  'behind a proxy a server that is down is told as such, and the conversations are there',
  async ({ page, fake }) => {
    await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null));
    await send(page, 'one');
    await answerState(page, 'done');
    await reload(page); // every file has come by the worker
    fake.down = true;
    await reload(page);
    await page.getByText('Hello there.').waitFor();
    await page.locator('#banner[data-kind="unreachable"]:not([hidden])').waitFor();
    await send(page, 'two');
    await page.locator('.card[data-code="unreachable"]').waitFor();
    fake.down = false;
    await page.locator('#banner').waitFor({ state: 'hidden' });
  },
  { serviceWorkers: 'allow' },
);
