import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../../static/js/view/health.js';
import { lineOf } from '../../../static/js/view/queue.js';

test('a line with a number missing is unknown, not zero', () => {
  assert.deepEqual(lineOf({ activeRequests: 2, queuedRequests: 1, maxConcurrent: 4 }), {
    active: 2,
    queued: 1,
    max: 4,
  });
  for (const bad of [
    {},
    { activeRequests: 2, queuedRequests: 1 },
    { activeRequests: '2', queuedRequests: 0, maxConcurrent: 4 },
  ]) {
    assert.equal(lineOf(bad), null);
  }
});

test('health: a notice and a note are both said', () => {
  assert.equal(judge({ status: 'ok', notice: 'Back at five.' }), 'note');
  assert.equal(judge({ status: 'ok', notice: '', note: '' }), 'ok');
});

test('health: trouble is told, absent fields are no trouble', () => {
  const up = (more) => ({ status: 'ok', upstreams: [{ index: 0, ...more }] });
  assert.equal(judge(up({ reachable: true })), 'ok');
  assert.equal(judge(up({})), 'ok');
  assert.equal(judge({ status: 'degraded', upstreams: [{ reachable: true }, { reachable: false }] }), 'ok');
  assert.equal(judge(up({ reachable: false })), 'down');
  assert.equal(judge({ status: 'down' }), 'down');
  assert.equal(judge({ code: 'misconfigured', status: 503 }), 'misconfigured');
  assert.equal(judge({ status: 'down', misconfigured: [] }), 'misconfigured');
  assert.equal(judge({ status: 'down', store: 'unavailable', upstreams: [{ reachable: true }] }), 'no_store');
  assert.equal(judge({ ...up({ reachable: true }), note: 'Hello.' }), 'note');
  for (const nothing of [null, {}, [], 'x', { upstreams: {} }, { upstreams: [null] }])
    assert.equal(judge(nothing), 'ok');
});
