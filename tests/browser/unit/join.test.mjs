import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newDraft } from '../../../static/js/state/chat.js';
import { joined } from '../../../static/js/state/join.js';

const draft = (more) => ({ ...newDraft(), ...more });
const text = (before, theirs, mine) =>
  joined(draft({ text: before }), draft({ text: theirs }), draft({ text: mine })).text;

test('what only one tab has changed is as that one has it', () => {
  assert.equal(text('a', 'a', 'a b'), 'a b');
  assert.equal(text('a', 'a b', 'a'), 'a b');
  assert.equal(text('a', '', 'a'), '');
});

test('both have gone on with what was typed: both ends are kept', () => {
  assert.equal(text('a', 'a b', 'a c'), 'a b c');
  assert.equal(text('', 'b', ''), 'b');
});

test('one has sent it, the other has gone on: what was sent is not typed again', () => {
  assert.equal(text('a', '', 'a b'), ' b');
  assert.equal(text('a', 'a b', ''), ' b');
});

test('texts that have nothing in common stand one below the other', () => {
  assert.equal(text('a', 'b', 'c'), 'b\n\nc');
  assert.equal(text('', 'b', 'c'), 'b\n\nc');
});

test('one edits a question, the other types: the words wait until the edit is over', () => {
  const edit = draft({ text: 'question', edits: 'q', aside: { text: '', images: [] } });
  for (const both of [joined(newDraft(), edit, draft({ text: 'b' })), joined(newDraft(), draft({ text: 'b' }), edit)]) {
    assert.equal(both.text, 'question');
    assert.equal(both.edits, 'q');
    assert.equal(both.aside.text, 'b');
  }
});

test('an image that one has taken away is gone, one that one has added is there', () => {
  const both = joined(draft({ images: ['a', 'b'] }), draft({ images: ['b'] }), draft({ images: ['a', 'b', 'c'] }));
  assert.deepEqual(both.images, ['b', 'c']);
});
