import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { WAYS } from '../../../static/js/wire/errors.js';
import { ROOT } from '../support/files.mjs';
import { faults } from '../vendor.mjs';

const files = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)))
  .filter((file) => !/\.(br|gz)$/.test(file)); // made by the static component's build
const ours = files.filter((file) => !file.startsWith('vendor/'));
const read = (file) => readFileSync(join(ROOT, file), 'utf8');
const ofType = (...types) => ours.filter((file) => types.some((type) => file.endsWith(type)));
const words = (locale) => ({
  ...JSON.parse(read(`i18n/${locale}.json`)),
  ...JSON.parse(read(`i18n/more.${locale}.json`)),
  ...JSON.parse(read(`i18n/dashboard.${locale}.json`)),
});

test('vendored files are the bytes of the npm packages, and nothing else is there', () => {
  assert.deepEqual(faults(), []);
});

test('no inline script, style or handler in any page', () => {
  for (const file of ofType('.html')) {
    assert.doesNotMatch(read(file), /<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son\w+=|javascript:/i, file);
  }
});

test('every file that a page, style or module names exists', () => {
  const missing = [];
  for (const file of ofType('.html', '.css', '.js', '.webmanifest')) {
    const text = read(file);
    const pattern = file.endsWith('.js')
      ? /(?:^import|from|import\() ?'([^']+)'/gm
      : /(?:src"?[=:] ?|href=|url\()"([^"#:]+)"/g;
    const names = Array.from(text.matchAll(pattern), ([, name]) => name);
    for (const name of names) {
      const path = name.startsWith('/') ? join(ROOT, name) : join(ROOT, dirname(file), name);
      if (!existsSync(path)) missing.push(`${file}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('the offline shell is every file that the chat page may need', () => {
  const shell = Array.from(read('sw.js').matchAll(/'(\/[\w./-]*)'/g), ([, path]) => path).filter(
    (path) => path !== '/vendor/',
  );
  const wanted = files.filter(
    (file) =>
      file === 'more.html' ||
      (/^(js|i18n)\//.test(file) && !/^(js|i18n)\/dashboard/.test(file)) ||
      /^vendor\/(dompurify|marked)[^/]*\.js$/.test(file),
  );
  for (const file of wanted) assert.ok(shell.includes(`/${file}`), `${file} is not in the shell`);
  for (const path of shell) assert.ok(path === '/' || files.includes(path.slice(1)), `${path} does not exist`);
});

/** Which folders of `js/` a folder may import from, beside itself and the three helpers at the top. */
const ARROWS = { wire: [], md: [], state: ['wire'], view: ['wire', 'md', 'state'] };

test('imports between the folders go one way', () => {
  for (const file of ofType('.js')) {
    const folder = /^js\/(\w+)\//.exec(file)?.[1] ?? '';
    if (!(folder in ARROWS)) continue;
    const imports = Array.from(read(file).matchAll(/(?:from |import\()'([^']+)'/g), ([, name]) =>
      join(dirname(file), name),
    );
    for (const path of imports.filter((name) => name.startsWith('js/'))) {
      const to = /^js\/(\w+)\//.exec(path)?.[1];
      const fine = to ? to === folder || ARROWS[folder].includes(to) : /^js\/(dom|i18n|trust)\.js$/.test(path);
      assert.ok(fine, `${file} imports ${path}`);
    }
  }
});

test('nothing names another origin', () => {
  for (const file of ofType('.html', '.css', '.js', '.webmanifest')) {
    const foreign = read(file).match(/https?:\/\/(?!www\.w3\.org)[\w.]+/g);
    assert.equal(foreign, null, file);
  }
});

test("the only sinks for HTML are DOMPurify's fragments", () => {
  for (const file of ofType('.js')) {
    assert.doesNotMatch(
      read(file),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
      file,
    );
  }
});

test('files stay small enough to read', () => {
  for (const file of ofType('.js', '.css')) {
    const lines = read(file).split('\n').length;
    assert.ok(lines <= 400, `${file} has ${lines} lines`);
  }
});

test('every module begins with what it is for', () => {
  for (const file of ofType('.js')) assert.match(read(file), /^\/\/! /, file);
});

test('English and German have the same words, with the same values in them', () => {
  const [en, de] = [words('en'), words('de')];
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  const values = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const key of Object.keys(en)) assert.deepEqual(values(de[key]), values(en[key]), key);
});

/** Refusals of requests that the page does not make, and two without words of their own. */
const UNKNOWN = [
  'body_broken', // the connection is gone: `unreachable`
  'invalid_path',
  'method_not_allowed',
  'not_found',
  'too_many_headers',
  'unknown_ticket',
  'unsupported_coding',
  'unsupported_media_type',
  'upstream_refused', // shown by its status, with the sentence of Ollama
  'wait_too_long', // the page sends no `x-sluice-wait-at-most`
];
/** What the page sees for itself. */
const OWN = ['host_not_allowed', 'empty', 'interrupted', 'offline', 'unreachable'];

test('the page knows every refusal of the server that can reach it', () => {
  const table = readFileSync(new URL('../../../src/http/refuse/table.rs', import.meta.url), 'utf8');
  const refusals = Array.from(table.matchAll(/= "(\w+)", StatusCode/g), ([, code]) => code);
  assert.ok(refusals.length > 20, 'the table is read');
  assert.deepEqual(
    Object.keys(WAYS).toSorted(),
    Array.from(new Set([...refusals, ...OWN]))
      .filter((code) => !UNKNOWN.includes(code))
      .toSorted(),
  );
});

test('the page has words for every reason that the server gives for a wait', () => {
  const [forecast, place] = ['crates/gate/src/policy/forecast.rs', 'src/answer/place.rs'].map((file) =>
    readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'),
  );
  const reasons = Array.from(`${forecast}${place}`.matchAll(/(?:Reason::\w+ => |Some\()"(\w+)"/g), ([, word]) => word);
  assert.ok(reasons.includes('slots') && reasons.includes('reordered'), 'both files are read');
  const known = Object.keys(words('en')).flatMap((key) => /^place\.reason_(\w+)$/.exec(key)?.[1] ?? []);
  assert.deepEqual(known.toSorted(), Array.from(new Set(reasons)).toSorted());
});

test('every word that is used exists, and every one that exists is used', () => {
  const en = words('en');
  const pages = ofType('.html').map(read).join('\n');
  const text = pages + ofType('.js').map(read).join('\n');
  const used = new Set([
    ...Array.from(text.matchAll(/\bt\(\s*(?:[\w.!=\s]+\? )?'([\w.]+)'/g), ([, key]) => key),
    ...Array.from(pages.matchAll(/data-i18n="([\w.]+)"/g), ([, key]) => key),
    ...Array.from(pages.matchAll(/data-i18n-attr="([^"]+)"/g), ([, pairs]) =>
      pairs.split(' ').map((pair) => pair.split(':')[1]),
    ).flat(),
    ...Object.keys(WAYS).map((code) => `error.${code}`),
  ]);
  const base = (key) => key.replace(/\.(one|other|partial)$/, '');
  const known = new Set(Object.keys(en).flatMap((key) => [key, base(key)]));
  assert.deepEqual(
    Array.from(used).filter((key) => !known.has(key)),
    [],
    'used, but not there',
  );
  const mentioned = (key) =>
    used.has(base(key)) ||
    text.includes(`'${base(key)}'`) ||
    /^(banner|error|place\.reason|dash\.(breaker|class|chart))[._]/.test(key);
  assert.deepEqual(
    Object.keys(en).filter((key) => !mentioned(key)),
    [],
    'there, but not used',
  );
});

test('a page has every word that it names: those that all have, and its own', () => {
  const own = { 'more.html': 'more', 'dashboard/index.html': 'dashboard' };
  for (const file of ofType('.html')) {
    const parts = ['en', ...(own[file] ? [`${own[file]}.en`] : [])];
    const there = Object.assign({}, ...parts.map((part) => JSON.parse(read(`i18n/${part}.json`))));
    const names = Array.from(read(file).matchAll(/data-i18n="([\w.]+)"/g), ([, key]) => key);
    for (const [, pairs] of read(file).matchAll(/data-i18n-attr="([^"]+)"/g))
      names.push(...pairs.split(' ').map((pair) => pair.split(':')[1]));
    const missing = names.filter((name) => !(name in there));
    assert.deepEqual(missing, [], file);
  }
});

test('what is said when no server answers is there from the start', () => {
  const there = JSON.parse(read('i18n/en.json'));
  for (const code of ['interrupted', 'interrupted.partial', 'offline', 'unreachable', 'unsent', 'upstream_error'])
    assert.ok(`error.${code}` in there, code);
});

test('the English in the pages is the English of the words', () => {
  const en = words('en');
  for (const file of ofType('.html')) {
    for (const [, key, text] of read(file).matchAll(/data-i18n="([\w.]+)"[^>]*>([^<]+)</g))
      assert.equal(text, en[key], key);
  }
});
