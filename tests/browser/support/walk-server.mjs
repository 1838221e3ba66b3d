//! How the server answers in a random walk, and the numbers of one.

/** Numbers from a seed: the same ones each time. @param {number} seed @returns {() => number} from 0 up to 1 */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of these each time: what becomes of a question whose answer is to have the token in it. */
export const MODES = {
  quick: async (stream, token) => {
    await stream.say(`${token} `, 'is the answer.');
    await stream.done();
  },
  markdown: async (stream, token) => {
    await stream.say(`# ${token}\n\n- one\n`, '- **two**\n');
    await stream.done();
  },
  slow: async (stream, token, pause) => {
    await stream.say(`${token} `);
    for (let piece = 0; piece < 5; piece++) await pause().then(() => stream.say('more '));
    await stream.done();
  },
  queued: async (stream, token, pause) => {
    for (const place of [2, 1, 0]) await stream.place(place).then(pause);
    await stream.say(token);
    await stream.done();
  },
  limited: async (stream, token) => {
    await stream.say(`${token} and`);
    await stream.done({ done_reason: 'length' });
  },
  cut: async (stream, token, pause) => {
    await stream.say(`${token} half `);
    await pause();
    stream.cut();
  },
  full: async (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '1' }),
  late: async (stream, _, pause) => pause().then(() => stream.refuse(503, 'upstream_busy')),
  wordless: async (stream) => stream.error('the line moved too slowly', 'queue_timeout'),
};
