//! The dashboard: numbers, charts with a table twin, keys, and honesty when nothing can be read.

import assert from 'node:assert/strict';
import { browserTest, reload, until, useBrowser } from '../support/browser.mjs';

useBrowser();

const QUEUE = {
  active: 4,
  queued: 3,
  max: 4,
  classes: { interactive: { queued: 2 }, batch: { queued: 1 } },
  serviceSeconds: 12.34,
  estimatedWaitSeconds: 9,
  tokens: 1_000,
  upstreams: [
    { index: 0, active: 3, max: 3, breaker: 'closed' },
    { index: 1, active: 1, max: 1, breaker: 'open' },
  ],
};
const metrics = (count) => `sluice_refused_total{code="queue_full"} ${count}
sluice_wait_seconds_bucket{le="1"} ${count}
sluice_wait_seconds_bucket{le="+Inf"} ${count}
sluice_first_token_seconds_bucket{le="0.5"} ${count}
sluice_first_token_seconds_bucket{le="+Inf"} ${count}
`;
const text = (page, id) => page.locator(`#${id}`).innerText();

export const busy = (fake) => {
  fake.queue = QUEUE;
  fake.metrics = metrics(1);
};

browserTest(
  'it shows the line, the upstreams with their breakers, and five charts, each with a table',
  async ({ page, fake }) => {
    assert.equal(await text(page, 'active'), '4 / 4');
    assert.equal(await text(page, 'queued'), '3');
    assert.equal(await text(page, 'service'), '12.3 s');
    assert.equal(await text(page, 'estimate'), '9 s');
    assert.deepEqual(await page.locator('#upstream-rows tr').allInnerTexts(), [
      '#0\t3 / 3\tClosed: in use',
      '#1\t1 / 1\tOpen: left alone',
    ]);
    assert.deepEqual(await page.locator('#class-rows tr').allInnerTexts(), ['Interactive\t2', 'Batch\t1']);
    assert.equal(await page.locator('.chart').count(), 5);
    fake.queue = { ...QUEUE, tokens: 1_400 };
    fake.metrics = metrics(5);
    await until(async () => (await page.locator('.chart .plot canvas').count()) === 5, 'five plots');
    for (const chart of await page.locator('.chart').all()) {
      await chart.locator('summary').click();
      assert.ok((await chart.locator('.scroll tbody tr').count()) >= 2);
      assert.match(await chart.locator('.scroll tbody').innerText(), /\d/);
    }
    const rates = await page.locator('.chart').nth(1).locator('.scroll tbody tr').first().innerText();
    assert.match(rates, /\d+(\.\d+)?$/);
  },
  { path: '/dashboard/', setUp: busy },
);

browserTest(
  'the values under the pointer are told',
  async ({ page }) => {
    const chart = page.locator('.chart').first();
    await chart.locator('.plot canvas').waitFor();
    const over = chart.locator('.u-over');
    await until(async () => {
      await over.hover();
      return /\d\d:\d\d.* · .* 4 · .* 3/.test(await chart.locator('.at').innerText());
    }, 'the values');
    await page.mouse.move(0, 0);
    await until(async () => (await chart.locator('.at').innerText()) === '', 'nothing');
  },
  { path: '/dashboard/', setUp: busy },
);

browserTest(
  'without the details it shows what everybody may see',
  async ({ page }) => {
    assert.equal(await text(page, 'active'), '2 / 4');
    assert.equal(await page.locator('#upstreams').isVisible(), false);
    assert.equal(await page.locator('#key-note').isVisible(), false);
  },
  { path: '/dashboard/', setUp: (fake) => (fake.line = { activeRequests: 2, queuedRequests: 0, maxConcurrent: 4 }) },
);

browserTest(
  'where keys are set it asks for one, and reads on with it',
  async ({ page }) => {
    assert.equal(await text(page, 'active'), '0 / 4');
    await page.click('#key');
    await page.fill('#key-input', 'right');
    await page.keyboard.press('Enter');
    await until(async () => (await text(page, 'active')) === '4 / 4');
    assert.equal(await page.locator('#key-note').isVisible(), false);
  },
  { path: '/dashboard/', setUp: (fake) => (busy(fake), (fake.key = 'right')) },
);

browserTest(
  'what cannot be read is said, not guessed',
  async ({ page, fake }) => {
    fake.line = null;
    fake.queue = null;
    await page.waitForSelector('#trouble:not([hidden])');
    assert.equal(await text(page, 'active'), '– / –');
  },
  { path: '/dashboard/', setUp: busy },
);

browserTest(
  "a table keeps its rows while it grows, the newest on top: a reader's place and a selection stay",
  async ({ page }) => {
    const row = page.locator('.chart').first().locator('tbody tr');
    await page.locator('.chart summary').first().click();
    await until(async () => (await row.count()) >= 1);
    await row.last().evaluate((node) => (window.kept = node));
    await page.locator('#upstream-rows tr, #class-rows tr').evaluateAll((all) => (window.others = all));
    const before = await row.count();
    await until(async () => (await row.count()) >= before + 2);
    assert.equal(await page.evaluate(() => window.kept.isConnected), true);
    assert.ok((await page.evaluate(() => window.others.length)) > 1);
    assert.equal(await page.evaluate(() => window.others.every((node) => node.isConnected)), true);
    const times = await row.evaluateAll((rows) => rows.map(({ dataset }) => Number(dataset.at)));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
    );
  },
  { path: '/dashboard/', setUp: busy },
);

const STANDING = {
  notice: null,
  upstreams: [
    { index: 0, address: 'http://box1:11434', active: 1, max: 4, breaker: 'closed', drained: false },
    { index: 1, address: 'http://box2:11434', active: 0, max: 0, breaker: 'closed', drained: true },
  ],
  running: [{ ticket: '3-12', client: 'key:lab', class: 'interactive', upstream: 0 }],
  waiting: [{ ticket: '3-13', client: null, class: 'batch', position: 1, waitedSeconds: 4 }],
};

browserTest(
  'a notice that is half written stays, also where one reading fails; one that nobody writes follows the server',
  async ({ page, fake }) => {
    await page.evaluate(() => sessionStorage.setItem('sluice.key', 'right'));
    await reload(page);
    await until(async () => (await page.inputValue('#notice')) === 'Old.', 'what stands');
    fake.operator = { ...STANDING, notice: 'Newer.' };
    await until(async () => (await page.inputValue('#notice')) === 'Newer.', 'what another operator wrote');
    await page.focus('#notice');
    await page.keyboard.press('End');
    await page.keyboard.type(' Back at');
    let failed = 0;
    await page.route('**/api/operator', (route) =>
      ++failed < 3 ? route.fulfill({ status: 503, json: { code: 'overloaded', error: 'busy' } }) : route.continue(),
    );
    await until(() => failed > 3, 'two readings that fail, and two that do not');
    await page.keyboard.type(' five.');
    assert.equal(await page.inputValue('#notice'), 'Newer. Back at five.');
  },
  {
    path: '/dashboard/',
    setUp: (fake) => {
      busy(fake);
      fake.key = 'right';
      fake.operator = { ...STANDING, notice: 'Old.' };
    },
  },
);

browserTest(
  'an operator sees who stands where, and orders; nobody else does',
  async ({ page, fake }) => {
    assert.equal(await page.locator('#operate').isVisible(), false);
    assert.equal(
      fake.requests.some(({ path }) => path === '/api/operator'),
      false,
      'without a key nobody asks',
    );
    await page.evaluate(() => sessionStorage.setItem('sluice.key', 'right'));
    await reload(page);
    await page.waitForSelector('#operate:not([hidden])');
    assert.deepEqual(await page.locator('#operate-upstreams tr').allInnerTexts(), [
      '#0 http://box1:11434\t1 / 4\tClosed: in use\tDrain',
      '#1 http://box2:11434\t0 / 0\tDrained\tResume',
    ]);
    assert.deepEqual(await page.locator('#operate-requests tr').allInnerTexts(), [
      '3-12\tkey:lab\tInteractive\tRuns at #0\tEnd',
      '3-13\twithout a key\tBatch\tPlace 1\tEnd',
    ]);
    assert.match(await text(page, 'warnings'), /Change: num_gpu/);
    const ordered = (method, path) => fake.requests.find((one) => one.method === method && one.path === path);
    await page.click('#operate-upstreams tr:nth-child(2) button');
    await until(() => ordered('POST', '/api/operator/resume'), 'it is resumed');
    assert.equal(ordered('POST', '/api/operator/resume').body, '{"upstream":1}');
    await page.click('#operate-requests tr:first-child button');
    await until(() => ordered('DELETE', '/api/operator/requests/3-12'), 'it is ended');
    await page.fill('#notice', 'Back at five.');
    await page.keyboard.press('Enter');
    await until(() => ordered('POST', '/api/operator/notice'), 'it is put up');
    assert.equal(ordered('POST', '/api/operator/notice').body, '{"text":"Back at five."}');
    await page.click('[data-order=drain]:not([data-upstream])');
    await until(() => ordered('POST', '/api/operator/drain'), 'all are drained');
    assert.equal(ordered('POST', '/api/operator/drain').body, '{}');
  },
  {
    path: '/dashboard/',
    setUp: (fake) => {
      busy(fake);
      fake.key = 'right';
      fake.operator = STANDING;
      fake.health = { ...fake.health, warnings: [{ code: 'num_gpu', text: 'On the CPU.', setting: 'num_gpu' }] };
    },
  },
);
