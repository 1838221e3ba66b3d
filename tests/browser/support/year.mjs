//! A year of conversations as version 1 kept them, made from a seed: with images, drafts, settings, removed messages,
//! and answers of every ending.

import { deflateSync } from 'node:zlib';
import { randomFrom } from './walk-server.mjs';

const END = Date.UTC(2026, 10, 27);
const DAY_MS = 86_400_000;
const WORDS = (
  'water light cell energy derivative Größe Straße naïve 水 مرحبا court vector river entropy bread memory tax ' +
  'snake_case $5 `let x = 1;` **never** <b>not a tag</b> a*b a_b_c & 😀 https://example.test/?a=1&b=2'
).split(' ');
const BLOCKS = [
  '```rust\nfn main() {\n    println!("{}", 1 < 2);\n}\n```',
  '| a | b |\n|---|--:|\n| 1 | 2 |',
  '1. one\n2. two\n   - three',
  '\\[ \\int_0^1 x^2\\,dx = \\tfrac13 \\]',
  '## A heading\n\n> quoted',
];
/** How an answer ended; most ended well. */
const ENDS = [
  ...Array(12).fill({ state: 'done' }),
  { state: 'stopped' },
  { state: 'interrupted', error: { code: 'interrupted', detail: 'the answer ended without done' } },
  { state: 'error', error: { code: 'queue_full', detail: 'the line is full, please try again' }, content: '' },
  {}, // it was on its way when the page went
];

/**
 * @param {{seed?: number, count?: number}} [how]
 * @returns {{records: [string, any][], chats: any[], drafts: Map<string, string>}}
 */
export function yearOf({ seed = 1, count = 400 } = {}) {
  const random = randomFrom(seed);
  const whole = (below) => Math.floor(random() * below);
  const pick = (list) => list[whole(list.length)];
  const id = () => Array.from({ length: 16 }, () => whole(16).toString(16)).join('');
  const words = (least, most) => Array.from({ length: least + whole(most - least) }, () => pick(WORDS)).join(' ');
  const drafts = new Map();

  const question = (at) => ({
    ...{ id: id(), role: 'user', content: words(3, 25), created: at, at },
    ...(random() < 0.04 && { images: Array.from({ length: 1 + whole(2) }, () => picture(16 + whole(48), random)) }),
  });
  const answer = (at) => ({
    ...{ id: id(), role: 'assistant', created: at + 1, at: at + 9_000, model: pick(['', 'llama3.2:3b', 'qwen3:8b']) },
    content: Array.from({ length: 1 + whole(6) }, () => (random() < 0.3 ? pick(BLOCKS) : words(20, 80))).join('\n\n'),
    ...(random() < 0.1 && { thinking: words(20, 60) }),
    stats: { tokens: 200, evalMs: 4_000, promptTokens: 90, loadMs: 1, totalMs: 5_000, reason: 'stop', firstMs: 300 },
    ...pick(ENDS),
  });
  const chatAt = (created, pairs) => {
    const messages = Array.from({ length: pairs }, (_, index) => created + index * 60_000).flatMap((at) => [
      question(at),
      answer(at),
    ]);
    const gone = random() < 0.1 && messages.length > 2 ? [messages.splice(1 + whole(2), 1)[0].id] : [];
    return {
      ...{ id: id(), version: 1, title: random() < 0.1 ? words(1, 6) : '', created, updated: messages.at(-1).at },
      model: random() < 0.2 ? 'qwen3:8b' : '',
      system: random() < 0.05 ? 'Answer in one sentence.' : '',
      think: random() < 0.05 ? 'on' : '',
      options: random() < 0.05 ? { temperature: 0.2 } : {},
      ...{ messages, gone },
    };
  };

  const chats = Array.from({ length: count }, (_, index) =>
    chatAt(END - Math.floor(((index + random()) / count) * 365 * DAY_MS), index % 50 === 49 ? 60 : 1 + whole(6)),
  );
  for (const chat of chats) drafts.set(chat.id, random() < 0.05 ? words(3, 30) : '');
  const records = chats.flatMap((chat) => [
    [`chat:${chat.id}`, chat],
    [`meta:${chat.id}`, { id: chat.id, title: titleOf(chat), updated: chat.updated }],
    [`draft:${chat.id}`, drafts.get(chat.id)],
  ]);
  return { records, chats, drafts };
}

/** As version 1 named it. */
const titleOf = ({ title, messages }) => title || messages[0].content.replace(/\s+/g, ' ').slice(0, 60);

/** A PNG of noise, base64. */
function picture(size, random) {
  const row = () => [0, ...Array.from({ length: size * 3 }, () => Math.floor(random() * 256))];
  const pixels = Buffer.from(Array.from({ length: size }, row).flat());
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 2], 8); // eight bits of three colours
  const parts = [chunk('IHDR', head), chunk('IDAT', deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]).toString('base64');
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
