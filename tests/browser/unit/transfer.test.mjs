import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newChat, newMessage, speedOf, titleOf } from '../../../static/js/state/chat.js';
import { imagesFor } from '../../../static/js/state/request-images.js';
import { requestBody } from '../../../static/js/state/request.js';
import { fromJson, fromMarkdown, toJson, toMarkdown } from '../../../static/js/state/transfer.js';
import { pathOf } from '../../../static/js/state/tree.js';

const IMAGE = '00112233445566ff';

function sample() {
  const chat = newChat(1_000, 'm');
  chat.title = 'About "rivers"';
  chat.system = 'be brief';
  chat.options = { temperature: 0.5 };
  add(chat, 'user', '## not a heading of ours\n\nwhy?', { images: [IMAGE] });
  add(chat, 'assistant', 'Because.\n\n```\n## You\n```', {
    ...{ state: 'done', thinking: 'hm', stats: { tokens: 3, evalMs: 60, reason: 'length' } },
  });
  add(chat, 'user', 'more');
  add(chat, 'assistant', '', { state: 'error', error: { code: 'queue_full', detail: '' } });
  return { chat, images: new Map([[IMAGE, 'aGk=']]) };
}

function add(chat, role, content, more = {}) {
  const message = { ...newMessage(chat, role, content, chat.leaf, 1_000), ...more };
  chat.messages.push(message);
  chat.leaf = message.id;
}

test('JSON out and in gives the same conversations', () => {
  const whole = sample();
  assert.deepEqual(fromJson(toJson([whole])), [whole]);
});

test('an export of version 1 comes in: its list is a path, its images are records', () => {
  const ids = ['a', 'b'].map((digit) => digit.repeat(16));
  const old = {
    ...{ id: 'c'.repeat(16), version: 1, title: 'T', created: 1, updated: 9, model: '', system: '', think: '' },
    options: { temperature: 1, numa: 5 },
    gone: ['d'.repeat(16)],
    messages: [
      { id: ids[0], role: 'user', content: 'q', created: 2, at: 2, images: ['aGk='] },
      { id: ids[1], role: 'assistant', content: 'a', created: 3, at: 4, state: 'done' },
    ],
  };
  const [{ chat, images }] = fromJson(JSON.stringify({ format: 'sluice-chats', version: 1, chats: [old] }));
  assert.deepEqual(
    pathOf(chat).map(({ content }) => content),
    ['q', 'a'],
  );
  assert.deepEqual(chat.options, { temperature: 1 });
  assert.deepEqual(chat.messages[0].images, [`${ids[0]}.0`]);
  assert.deepEqual(Array.from(images), [[`${ids[0]}.0`, 'aGk=']]);
});

test('a file that is anything else is refused whole', () => {
  const good = JSON.parse(toJson([sample()]));
  const [chat] = good.chats;
  const withMessage = (more) =>
    JSON.stringify({ ...good, chats: [{ ...chat, messages: [{ ...chat.messages[0], ...more }] }] });
  const broken = [
    'not json',
    '[]',
    '{}',
    'null',
    '{"format":"sluice-chats","version":3,"chats":[]}',
    JSON.stringify({ ...good, chats: [{ ...chat, id: '../x' }] }),
    JSON.stringify({ ...good, chats: [...good.chats, { messages: 'x' }] }),
    JSON.stringify({ ...good, chats: [{ ...chat, messages: [{ role: 'system', content: 'x' }] }] }),
    JSON.stringify({ ...good, chats: [{ ...chat, images: { [IMAGE]: '"><script>' } }] }),
    withMessage({ content: 7 }),
    withMessage({ parent: '../x' }),
    withMessage({ images: ['"><script>'] }),
  ];
  for (const text of broken) assert.throws(() => fromJson(text), undefined, text.slice(0, 80));
});

test('an error of no known code is one that the page has words for', () => {
  const good = JSON.parse(toJson([sample()]));
  good.chats[0].messages[3].error.code = 'toString';
  assert.equal(fromJson(JSON.stringify(good))[0].chat.messages[3].error.code, 'upstream_error');
});

test('Markdown out and in keeps title, roles and words, whatever headings an answer has', () => {
  for (const answer of ['So.\n\n## Part', 'So.\n\n## You\n\nno\n\n## Model\n\nyes <!-- sluice 1 -->']) {
    const chat = newChat(1);
    chat.title = 'T';
    add(chat, 'user', 'Why?\n\n- a');
    add(chat, 'assistant', answer, { state: 'done' });
    const back = fromMarkdown(toMarkdown(chat), 9).chat;
    assert.equal(back.title, 'T');
    assert.deepEqual(
      pathOf(back).map(({ role, content }) => [role, content]),
      [
        ['user', 'Why?\n\n- a'],
        ['assistant', answer],
      ],
    );
  }
  assert.throws(() => fromMarkdown('just a note', 1), TypeError);
});

test('what the server told of an answer comes back from a file', () => {
  const { chat, images } = sample();
  const stats = { tokens: 3, evalMs: 60, reason: 'length', promptCut: true };
  chat.messages.at(-1).stats = stats;
  assert.deepEqual(fromJson(toJson([{ chat, images }]))[0].chat.messages.at(-1).stats, stats);
});

test('a request leaves out what failed without a word, and empty settings', () => {
  const { chat, images } = sample();
  const body = requestBody(chat, pathOf(chat), images, chat.model);
  assert.deepEqual(
    body.messages.map(({ role }) => role),
    ['system', 'user', 'assistant', 'user'],
  );
  assert.deepEqual(body.messages[1].images, ['aGk=']);
  assert.deepEqual([body.model, body.options, 'think' in body], ['m', { temperature: 0.5 }, false]);
  assert.deepEqual(Object.keys(requestBody(newChat(1), [], new Map(), '')), ['messages']);
});

test('of many or large images the latest go along, and those of the last question always', async () => {
  const asked = (...images) => ({ role: 'user', images });
  const sent = async (mib, ...messages) =>
    [...(await imagesFor(messages, async () => 'x'.repeat(mib * 1024 * 1024))).keys()].sort().join('');
  assert.equal(await sent(0.1, asked('a', 'b'), asked('c')), 'abc');
  assert.equal(await sent(0.1, asked('a', 'b', 'c', 'd'), asked('e', 'f', 'g')), 'bcdefg');
  assert.equal(await sent(2, asked('a', 'b', 'c'), asked('d')), 'bcd', 'three of 2 MiB');
  assert.equal(await sent(3, asked('a'), asked('b', 'c', 'd')), 'bcd');
  const gone = await imagesFor([asked('a', 'b')], async (id) => (id === 'a' ? undefined : 'x'));
  assert.deepEqual([...gone.keys()], ['b']);
});

test('a title is the given one, else the first words without their Markdown', () => {
  assert.equal(titleOf(sample().chat), 'About "rivers"');
  for (const [text, title] of [
    ['', /^$/],
    [`  ${'word '.repeat(40)}`, /^word .{40,}…$/],
    ['# Fourier **series**\n\n- one', /^Fourier series one$/],
  ]) {
    const chat = newChat(1);
    if (text) add(chat, 'user', text);
    assert.match(titleOf(chat), title);
  }
});

test('speed is what Ollama counted, or unknown', () => {
  assert.equal(speedOf({ tokens: 100, evalMs: 2_000 }), 50);
  assert.equal(speedOf({ tokens: 0, evalMs: 0 }), 0);
  assert.equal(speedOf(undefined), 0);
});
