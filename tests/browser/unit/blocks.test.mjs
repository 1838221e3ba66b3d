import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockCutter } from '../../../static/js/md/blocks.js';
import { extensions } from '../../../static/js/md/math.js';
import { Lexer, Marked } from '../../../static/vendor/marked-18.2.1.js';
import { CORPUS, randomDocuments } from '../support/markdown.mjs';

const marked = new Marked({ gfm: true, breaks: true, extensions });
const tokens = (text) => new Lexer(marked.defaults).blockTokens(text, []);

/** Settled blocks and the last piece, fed in pieces of `size`. */
function cut(text, size) {
  const cutter = new BlockCutter(tokens);
  const blocks = [];
  for (let at = 0; at < text.length; at += size) blocks.push(...cutter.push(text.slice(at, at + size)));
  blocks.push(cutter.finish());
  return { blocks, hasDefinition: cutter.hasDefinition };
}

const html = (blocks) => blocks.map((block) => marked.parse(block)).join('');

for (const [name, text] of Object.entries(CORPUS)) {
  test(`the pieces give what the whole gives: ${name}`, () => {
    for (const size of [1, 3, 7, 10_000]) {
      const { blocks, hasDefinition } = cut(text, size);
      assert.equal(blocks.join(''), text.replace(/\r\n?/g, '\n'), 'no character is lost');
      if (!hasDefinition) assert.equal(html(blocks), marked.parse(text), `pieces of ${size}`);
    }
  });
}

test('the pieces give what the whole gives: 2,000 random documents', () => {
  let settled = 0;
  for (const { text, size } of randomDocuments(2_000, 20261124)) {
    const { blocks, hasDefinition } = cut(text, size);
    if (hasDefinition) continue;
    settled += blocks.length - 1;
    assert.equal(html(blocks), marked.parse(text), JSON.stringify(text));
  }
  assert.ok(settled > 1_000, `only ${settled} blocks were settled: the cutter does nothing`);
});

test('a definition anywhere is seen, so that the whole is rendered at the end', () => {
  for (const text of ['[a]: http://x\n', '> [a]: http://x\n', '- [a]: http://x\n', 'x [a]\n\ny\n\n[a]: http://x']) {
    assert.equal(cut(text, 1).hasDefinition, true, text);
  }
  assert.equal(cut('a [link](http://x) and [b]\n\nc', 1).hasDefinition, false);
});

test('a paragraph settles when the next block has begun', () => {
  const cutter = new BlockCutter(tokens);
  assert.deepEqual(cutter.push('One.\n\n'), []);
  assert.deepEqual(cutter.push('T'), ['One.\n\n']);
  assert.equal(cutter.tail, 'T');
});

test('a fence settles as soon as it is closed', () => {
  const cutter = new BlockCutter(tokens);
  assert.deepEqual(cutter.push('Look:\n```js\na\n\nb\n``'), ['Look:\n']);
  assert.deepEqual(cutter.push('`\n'), ['```js\na\n\nb\n```\n']);
});

test('a loose list stays open between its items', () => {
  const cutter = new BlockCutter(tokens);
  assert.deepEqual(cutter.push('- a\n\n- b\n\n1'), []);
  assert.deepEqual(cutter.push('0 apples\n'), ['- a\n\n- b\n\n']);
});

test('a block that never settles costs no more lexing than its length allows', () => {
  const cutter = new BlockCutter(tokens);
  const text = `<!-- ${'word\n\nmore\n\n'.repeat(4_000)}`;
  const start = performance.now();
  for (let at = 0; at < text.length; at += 16) cutter.push(text.slice(at, at + 16));
  assert.equal(cutter.tail.length, text.length);
  assert.ok(performance.now() - start < 5_000, 'quadratic');
});
