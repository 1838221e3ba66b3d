//! `npm run walk -- [SECONDS] [SEED] [SLOWER]`: random walks, one after the other, until the time is over. `SLOWER` divides the
//! speed of the page, as on a machine with much else to do.

import { chromium } from 'playwright-core';
import { executablePath, FLAGS } from './support/browser.mjs';
import { Fake } from './support/fake.mjs';
import { Walk } from './support/walk.mjs';

const [seconds = 600, first = Date.now() % 100_000, slower = 1] = process.argv.slice(2).map(Number);
const STEPS = 60;
const browser = await chromium.launch({ executablePath, args: FLAGS });
const end = performance.now() + seconds * 1_000;
let steps = 0;
let seed = first;
let failed = 0;
for (; performance.now() < end; seed++) {
  const fake = await new Fake().start();
  const context = await browser.newContext({ locale: 'en-US', serviceWorkers: 'block' });
  context.setDefaultTimeout(10_000 * slower);
  const errors = [];
  context.on('weberror', (error) => errors.push(error.error().stack));
  const open = async (path = '/') => {
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate: slower });
    await page.goto(new URL(path, fake.url).href);
    await page.waitForSelector('html[data-ready]');
    return page;
  };
  const walk = new Walk(seed, { page: await open(), fake, open, context });
  try {
    for (let step = 1; step <= STEPS; step++, steps++) {
      await walk.step();
      if (step % 15 === 0) await walk.check();
    }
    await walk.end();
    if (errors.length > 0) throw new Error(errors.join('\n'));
  } catch (error) {
    failed += 1;
    console.log(`seed ${seed}: ${error.message}\n  steps: ${walk.log.join(' ')}`);
  }
  await context.close();
  await fake.stop();
}
console.log(`${steps} steps from seeds ${first} to ${seed - 1}, ${failed} walks found something`);
await browser.close();
process.exit(failed > 0 ? 1 : 0);
