import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThinkSplitter } from '../../../static/js/wire/think.js';

/** Feeds `text` in pieces of `size` and joins what comes, by type. */
function split(text, size) {
  const splitter = new ThinkSplitter();
  const out = { thinking: '', text: '' };
  const take = (parts) => parts.forEach(({ type, text }) => (out[type] += text));
  for (let at = 0; at < text.length; at += size) take(splitter.push(text.slice(at, at + size)));
  take(splitter.end());
  return out;
}

const CASES = [
  ['no tag', 'plain <b>text</b>', { thinking: '', text: 'plain <b>text</b>' }],
  ['think', '<think>a < b</think>\n\nSo: 1', { thinking: 'a < b', text: 'So: 1' }],
  ['thought', '\n<thought>x</thought>y', { thinking: 'x', text: 'y' }],
  ['thinking', '<thinking>x</thinking>y', { thinking: 'x', text: 'y' }],
  ['a later tag is quoted text', 'use <think>x</think>', { thinking: '', text: 'use <think>x</think>' }],
  ['a second tag is quoted text', '<think>a</think>b <think>c</think>', { thinking: 'a', text: 'b <think>c</think>' }],
  ['never closed', '<think>a </thin', { thinking: 'a </thin', text: '' }],
  ['another tag', '<thing>x', { thinking: '', text: '<thing>x' }],
  ['only white space', '  \n', { thinking: '', text: '  \n' }],
  ['closed by the wrong tag', '<think>a</thought>b</think>c', { thinking: 'a</thought>b', text: 'c' }],
  ['nothing after', '<think>a</think>', { thinking: 'a', text: '' }],
];

for (const [name, text, wanted] of CASES) {
  test(`thinking is parted from the answer however it is cut: ${name}`, () => {
    for (const size of [1, 2, 3, 5, 100]) assert.deepEqual(split(text, size), wanted, `pieces of ${size}`);
  });
}
