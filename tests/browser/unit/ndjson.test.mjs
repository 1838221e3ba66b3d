import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CutError, frames } from '../../../static/js/wire/ndjson.js';

/** A body whose chunks are `size` bytes. */
function body(text, size) {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

const all = async (stream, ms) => {
  const out = [];
  for await (const frame of frames(stream, ms)) out.push(frame);
  return out;
};

const TEXT = '{"a":"ä€🙂"}\n\n{"b":2}\r\n   \n{"c":"\\n"}';
const FRAMES = [{ a: 'ä€🙂' }, { b: 2 }, { c: '\n' }];

for (const size of [1, 2, 3, 7, 1000]) {
  test(`frames do not depend on where chunks end (${size} bytes)`, async () => {
    assert.deepEqual(await all(body(TEXT, size)), FRAMES);
  });
}

test('a line that is not JSON cuts the stream', async () => {
  await assert.rejects(all(body('{"a":1}\n<html>\n', 5)), CutError);
});

test('a last line that is incomplete cuts the stream', async () => {
  await assert.rejects(all(body('{"a":1}\n{"b":', 5)), CutError);
});

test('a body that falls silent cuts the stream and is cancelled', async () => {
  let cancelled = false;
  const silent = new ReadableStream({ cancel: () => void (cancelled = true) });
  await assert.rejects(all(silent, 5), CutError);
  assert.equal(cancelled, true);
});

test('a caller that stops early cancels the body', async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('{"a":1}\n')),
    cancel: () => void (cancelled = true),
  });
  for await (const frame of frames(endless)) {
    assert.deepEqual(frame, { a: 1 });
    break;
  }
  assert.equal(cancelled, true);
});
