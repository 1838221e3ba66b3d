//! The random walk of `support/walk.mjs`: seeds that have found something, and one that nobody has tried.
//!
//! A long one: `npm run walk` walks for ten minutes, `npm run walk -- SECONDS SEED` as long and from where one wants.

import { browserTest, useBrowser } from '../support/browser.mjs';
import { Walk } from '../support/walk.mjs';

useBrowser();

/** Seeds that found a fault once stay. */
const SEEDS = [1, 2, 4, 100, 7_000, 20_004, 61_128];
const STEPS = 60;
/** A busy machine takes a minute for one walk, and as long again for a check that waits. */
const LIMIT_MS = 300_000;

for (const seed of SEEDS) {
  const rule = `what is seen is what stays: ${STEPS} random steps from ${seed}`;
  browserTest(rule, (stage) => walked(seed, stage), { limitMs: LIMIT_MS });
}

async function walked(seed, stage) {
  const walk = new Walk(seed, stage);
  try {
    for (let step = 1; step <= STEPS; step++) {
      await walk.step();
      if (step % 15 === 0) await walk.check();
    }
    await walk.end();
  } catch (error) {
    throw new Error(`seed ${seed}, steps: ${walk.log.join(' ')}`, { cause: error });
  }
}
