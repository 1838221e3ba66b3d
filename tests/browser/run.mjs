//! `npm test`: the unit tests, then the browser tests, in one run of node's test runner.
//!
//! Two files at a time: no test here measures time closely.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { skip } from './support/browser.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const files = ['unit', 'browser'].flatMap((folder) =>
  readdirSync(`${here}${folder}`)
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => `${folder}/${name}`),
);
if (skip) console.log(`browser tests are skipped. ${skip}`);
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files, 'e2e.test.mjs'],
  { cwd: here, stdio: 'inherit' },
);
process.exit(status ?? 1);
