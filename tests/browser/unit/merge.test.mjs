import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSame, merge } from '../../../static/js/state/merge.js';
import { newChat } from '../../../static/js/state/chat.js';

const message = (id, created, more = {}) => ({
  ...{ id, parent: '', role: 'user', content: id, created, at: created },
  ...more,
});
const chat = (updated, messages, more = {}) => ({
  ...newChat(0, '', 'c'),
  ...{ updated, settingsAt: updated, leafAt: updated, messages, leaf: messages.at(-1)?.id ?? '' },
  ...more,
});
const ids = ({ messages }) => messages.map(({ id }) => id);

test('what two tabs added is all there, in the order of time', () => {
  const stored = chat(5, [message('a', 1), message('b', 3)]);
  const mine = chat(4, [message('a', 1), message('c', 2)]);
  assert.deepEqual(ids(merge(stored, mine)), ['a', 'c', 'b']);
});

test('what one tab removed does not come back from the other', () => {
  const gone = message('b', 2, { at: 9, content: '', removed: true });
  const stored = chat(9, [message('a', 1), gone]);
  const mine = chat(6, [message('a', 1), message('b', 2)]);
  for (const merged of [merge(stored, mine), merge(mine, stored)]) assert.equal(merged.messages[1], gone);
});

test('of one message the later form holds', () => {
  const stored = chat(5, [message('a', 1, { at: 9, content: 'later' })]);
  const mine = chat(6, [message('a', 1, { at: 8, content: 'earlier' })]);
  assert.equal(merge(stored, mine).messages[0].content, 'later');
});

test('settings and the shown path each follow the copy in which they were changed last', () => {
  const messages = [message('a', 1), message('b', 2)];
  const stored = chat(20, messages, { title: 'theirs', settingsAt: 7, leaf: 'a', leafAt: 9 });
  const mine = chat(10, messages, { title: 'mine', settingsAt: 8, leaf: 'b', leafAt: 8 });
  const merged = merge(stored, mine);
  assert.deepEqual([merged.title, merged.leaf, merged.updated], ['mine', 'a', 20]);
});

test('a path that ends at a message that is not there ends at the newest', () => {
  const stored = chat(5, [message('a', 1), message('b', 2)], { leaf: 'nowhere' });
  assert.equal(merge(stored, chat(4, [], { leaf: 'nowhere' })).leaf, 'b');
});

test('the first write is what there is', () => {
  const mine = chat(1, [message('a', 1)]);
  assert.equal(merge(undefined, mine), mine);
});

test('it is known whether two copies say the same', () => {
  const mine = chat(6, [message('a', 1), message('b', 2)]);
  const finds = (stored) => !isSame(merge(stored, mine), mine);
  assert.equal(finds(undefined), false);
  assert.equal(finds(chat(5, [message('a', 1)])), false);
  assert.equal(finds(chat(5, [message('a', 1), message('b', 2, { at: 9 })])), true);
  assert.equal(finds(chat(5, [message('c', 3)])), true);
  assert.equal(finds(chat(5, [], { title: 'other', settingsAt: 9 })), true);
});
