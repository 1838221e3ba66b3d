import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newChat, newMessage, requestBody, speedOf, titleOf, truncate } from '../../../static/js/state/chat.js';
import { fromJson, fromMarkdown, toJson, toMarkdown } from '../../../static/js/state/transfer.js';

function sample() {
  const chat = newChat(1_000, 'm');
  chat.title = 'About "rivers"';
  chat.system = 'be brief';
  chat.options = { temperature: 0.5 };
  chat.messages = [
    { ...newMessage('user', '## not a heading of ours\n\nwhy?', 1_001), images: ['aGk='] },
    {
      ...newMessage('assistant', 'Because.\n\n```\n## You\n```', 1_002),
      state: 'done',
      thinking: 'hm',
      stats: { tokens: 3, evalMs: 60 },
    },
    newMessage('user', 'more', 1_003),
    { ...newMessage('assistant', '', 1_004), state: 'error', error: { code: 'queue_full', detail: '' } },
  ];
  return chat;
}

test('JSON out and in gives the same conversations', () => {
  const chat = sample();
  assert.deepEqual(fromJson(toJson([chat])), [chat]);
});

test('a file that is anything else is refused whole', () => {
  const good = JSON.parse(toJson([sample()]));
  const broken = [
    'not json',
    '[]',
    '{}',
    'null',
    '{"format":"sluice-chats","version":2,"chats":[]}',
    JSON.stringify({ ...good, chats: [{ ...good.chats[0], id: '../x' }] }),
    JSON.stringify({ ...good, chats: [...good.chats, { messages: 'x' }] }),
    JSON.stringify({ ...good, chats: [{ ...good.chats[0], messages: [{ role: 'system', content: 'x' }] }] }),
    JSON.stringify({
      ...good,
      chats: [{ ...good.chats[0], messages: [{ ...good.chats[0].messages[0], content: 7 }] }],
    }),
    JSON.stringify({
      ...good,
      chats: [{ ...good.chats[0], messages: [{ ...good.chats[0].messages[0], images: ['"><script>'] }] }],
    }),
  ];
  for (const text of broken) assert.throws(() => fromJson(text), undefined, text.slice(0, 80));
});

test('Markdown out and in keeps title, roles and words', () => {
  const chat = newChat(1);
  chat.title = 'T';
  chat.messages = [
    newMessage('user', 'Why?\n\n- a', 2),
    { ...newMessage('assistant', 'So.\n\n## Part', 3), state: 'done' },
  ];
  const back = fromMarkdown(toMarkdown(chat), 9);
  assert.equal(back.title, 'T');
  assert.deepEqual(
    back.messages.map(({ role, content }) => [role, content]),
    [
      ['user', 'Why?\n\n- a'],
      ['assistant', 'So.\n\n## Part'],
    ],
  );
  assert.throws(() => fromMarkdown('just a note', 1), TypeError);
});

test('a request leaves out what failed without a word, and empty settings', () => {
  const chat = sample();
  const body = requestBody(chat, chat.messages);
  assert.deepEqual(
    body.messages.map(({ role }) => role),
    ['system', 'user', 'assistant', 'user'],
  );
  assert.deepEqual(body.messages[1].images, ['aGk=']);
  assert.deepEqual([body.model, body.options, 'think' in body], ['m', { temperature: 0.5 }, false]);
  assert.deepEqual(Object.keys(requestBody(newChat(1), [])), ['messages']);
});

test('truncating remembers what is gone', () => {
  const chat = sample();
  const removed = truncate(chat, 1);
  assert.equal(chat.messages.length, 1);
  assert.deepEqual(
    chat.gone,
    removed.map(({ id }) => id),
  );
});

test('a title is the given one, else the first words', () => {
  assert.equal(titleOf(sample()), 'About "rivers"');
  const chat = newChat(1);
  assert.equal(titleOf(chat), '');
  chat.messages = [newMessage('user', `  ${'word '.repeat(40)}`, 1)];
  assert.match(titleOf(chat), /^word .{50,}…$/);
});

test('speed is what Ollama counted, or unknown', () => {
  assert.equal(speedOf({ tokens: 100, evalMs: 2_000 }), 50);
  assert.equal(speedOf({ tokens: 0, evalMs: 0 }), 0);
  assert.equal(speedOf(undefined), 0);
});
