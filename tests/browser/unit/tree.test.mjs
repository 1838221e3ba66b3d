import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as attempts from '../../../static/js/state/attempt.js';
import { newChat } from '../../../static/js/state/chat.js';
import { childrenOf, leafBelow, parentOf, pathOf, versionsOf } from '../../../static/js/state/tree.js';

const words = (text, edits = '') => ({ text, images: [], edits });
const texts = (messages) => messages.map(({ content }) => content);
/** Asks and answers, as the page does. */
function exchange(chat, text, answer, edits = '') {
  const attempt = attempts.ask(chat, words(text, edits), null, 100);
  attempts.take(chat, attempt, 100);
  Object.assign(attempt.answer, { content: answer, state: 'done' });
  return attempt;
}

test('each question stands behind the last answer', () => {
  const chat = newChat(0);
  exchange(chat, 'q1', 'a1');
  exchange(chat, 'q2', 'a2');
  assert.deepEqual(texts(pathOf(chat)), ['q1', 'a1', 'q2', 'a2']);
});

test('an edit is a version: what was there stays, with all that followed', () => {
  const chat = newChat(0);
  const first = exchange(chat, 'q1', 'a1');
  exchange(chat, 'q2', 'a2');
  const edit = exchange(chat, 'q1 better', 'b1', first.question.id);
  assert.deepEqual(texts(pathOf(chat)), ['q1 better', 'b1']);
  assert.deepEqual(texts(versionsOf(chat, edit.question.id)), ['q1', 'q1 better']);
  chat.leaf = leafBelow(chat, first.question.id);
  assert.deepEqual(texts(pathOf(chat)), ['q1', 'a1', 'q2', 'a2']);
});

test('another answer is a version, also in the middle', () => {
  const chat = newChat(0);
  const first = exchange(chat, 'q1', 'a1');
  exchange(chat, 'q2', 'a2');
  const other = attempts.again(chat, first.answer.id, 200);
  assert.deepEqual(texts(other.history), ['q1']);
  attempts.take(chat, other, 200);
  other.answer.content = 'a1 again';
  assert.deepEqual(texts(pathOf(chat)), ['q1', 'a1 again']);
  assert.deepEqual(texts(versionsOf(chat, other.answer.id)), ['a1', 'a1 again']);
});

test('an attempt that is not taken changes nothing', () => {
  const chat = newChat(0);
  const { question, answer } = exchange(chat, 'q1', 'a1');
  const before = structuredClone(chat);
  attempts.ask(chat, words('q2'), null, 200);
  attempts.ask(chat, words('q1 better', question.id), null, 200);
  attempts.again(chat, answer.id, 200);
  attempts.resume(chat, answer.id, 200);
  assert.deepEqual(chat, before);
});

test('going on with an answer puts the whole in the place of its beginning, with what followed it', () => {
  const chat = newChat(0);
  const { answer } = exchange(chat, 'q1', 'half');
  exchange(chat, 'q2', 'a2');
  const more = attempts.resume(chat, answer.id, 200);
  assert.equal(more.history.at(-1).content, 'half');
  attempts.take(chat, more, 200);
  more.answer.content += ' and half';
  assert.deepEqual(texts(pathOf(chat)), ['q1', 'half and half', 'q2', 'a2']);
  assert.equal(versionsOf(chat, more.answer.id).length, 1);
});

test('the same words after a turn that failed without a word take its place; other words do not', () => {
  for (const [text, count] of [
    ['q1', 1],
    ['q2', 2],
  ]) {
    const chat = newChat(0);
    const failed = exchange(chat, 'q1', '');
    failed.answer.state = 'error';
    exchange(chat, text, 'a');
    assert.equal(pathOf(chat).filter(({ role }) => role === 'user').length, count);
  }
});

test('a removed message is as if it were not there, and what hung below it stays in reach', () => {
  const chat = newChat(0);
  const first = exchange(chat, 'q1', 'a1');
  const second = exchange(chat, 'q2', 'a2');
  attempts.empty(first.answer, 300);
  assert.deepEqual(texts(pathOf(chat)), ['q1', 'q2', 'a2']);
  assert.equal(parentOf(chat, second.question.id), first.question.id);
  assert.deepEqual(texts(childrenOf(chat, first.question.id)), ['q2']);
});

test('the order is that in which messages were made, also when the clock goes back', () => {
  const chat = newChat(0);
  exchange(chat, 'q1', 'a1');
  const late = attempts.ask(chat, words('q2'), null, 5);
  assert.ok(late.question.created > chat.messages.at(-1).created);
});

test('a circle of parents ends', () => {
  const chat = newChat(0);
  chat.messages = ['a', 'b'].map((id, at) => ({
    ...{ id, parent: id === 'a' ? 'b' : 'a', role: 'user', content: id, created: at, at },
  }));
  chat.leaf = 'b';
  assert.equal(pathOf(chat).length, 2);
  chat.messages[0].removed = true;
  assert.equal(versionsOf(chat, 'b').length, 1);
});
