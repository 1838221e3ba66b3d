import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasMore, merge } from '../../../static/js/state/merge.js';

const message = (id, created, more = {}) => ({ id, role: 'user', content: id, created, at: created, ...more });
const chat = (updated, messages, more = {}) => ({
  id: 'c',
  version: 1,
  title: '',
  created: 0,
  updated,
  model: '',
  system: '',
  think: '',
  options: {},
  messages,
  gone: [],
  ...more,
});
const ids = ({ messages }) => messages.map(({ id }) => id);

test('what two tabs added is all there, in the order of time', () => {
  const stored = chat(5, [message('a', 1), message('b', 3)]);
  const mine = chat(4, [message('a', 1), message('c', 2)]);
  assert.deepEqual(ids(merge(stored, mine)), ['a', 'c', 'b']);
});

test('what one tab removed does not come back from the other', () => {
  const stored = chat(5, [message('a', 1)], { gone: ['b'] });
  const mine = chat(6, [message('a', 1), message('b', 2)]);
  assert.deepEqual(ids(merge(stored, mine)), ['a']);
  assert.deepEqual(ids(merge(mine, stored)), ['a']);
});

test('of one message the later form holds', () => {
  const stored = chat(5, [message('a', 1, { at: 9, content: 'later' })]);
  const mine = chat(6, [message('a', 1, { at: 8, content: 'earlier' })]);
  assert.equal(merge(stored, mine).messages[0].content, 'later');
});

test('title and settings follow the copy that was changed last', () => {
  const stored = chat(7, [], { title: 'theirs' });
  assert.equal(merge(stored, chat(6, [], { title: 'mine' })).title, 'theirs');
  assert.equal(merge(stored, chat(8, [], { title: 'mine' })).title, 'mine');
});

test('the first write is what there is', () => {
  const mine = chat(1, [message('a', 1)]);
  assert.equal(merge(undefined, mine), mine);
});

test('it is known whether the other tab has changed what is shown in mine', () => {
  const mine = chat(6, [message('a', 1), message('b', 2)]);
  const finds = (stored) => hasMore(merge(stored, mine), mine);
  assert.equal(finds(undefined), false);
  assert.equal(finds(chat(5, [message('a', 1)])), false);
  assert.equal(finds(chat(5, [message('a', 1), message('b', 2, { at: 9 })])), true);
  assert.equal(finds(chat(5, [message('c', 3)])), true);
  assert.equal(finds(chat(5, [], { gone: ['b'] })), true);
});
