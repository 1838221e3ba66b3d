import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, refusal, retryAfter, WAYS } from '../../../static/js/wire/errors.js';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const of = (status, body, headers = {}) => refusal(new Response(body, { status, headers }), NOW);

test('retry-after is read as seconds or as a date, and bounded', () => {
  assert.equal(retryAfter('7', NOW), 7_000);
  assert.equal(retryAfter(' 0 ', NOW), 0);
  assert.equal(retryAfter('Tue, 24 Nov 2026 12:00:30 GMT', NOW), 30_000);
  assert.equal(retryAfter('Tue, 24 Nov 2026 11:00:00 GMT', NOW), 0);
  assert.equal(retryAfter('99999999', NOW), 3_600_000);
  for (const nonsense of [null, '', 'soon', '-5', '1.5e3x'])
    assert.equal(retryAfter(nonsense, NOW), 0, String(nonsense));
});

test('the code of the body decides, not the status', async () => {
  const error = await of(503, JSON.stringify({ error: 'no room', code: 'upstream_busy' }), { 'retry-after': '3' });
  assert.deepEqual(
    [error.code, error.status, error.detail, error.retryAfterMs],
    ['upstream_busy', 503, 'no room', 3_000],
  );
});

test("OpenAI's form is read too", async () => {
  const error = await of(
    429,
    JSON.stringify({ error: { message: 'slow down', code: 'rate_limited', type: 'x', param: null } }),
  );
  assert.deepEqual([error.code, error.detail], ['rate_limited', 'slow down']);
});

test("Ollama's busy 503 is not a server that is down", async () => {
  const busy = 'server busy, please try again.  maximum pending requests exceeded';
  assert.equal((await of(503, JSON.stringify({ error: busy }))).code, 'upstream_busy');
  assert.equal((await of(503, JSON.stringify({ error: 'down' }))).code, 'upstream_down');
});

test('an HTML page, an unknown code and an unknown status are still errors with a known code', async () => {
  for (const [status, body] of [
    [500, '<html>oops'],
    [502, '<html>'],
    [418, '{}'],
    [599, '{"code":"new_code"}'],
    [405, 'null'],
  ]) {
    const { code } = await of(status, body);
    assert.ok(code in WAYS, `${status} gives ${code}`);
  }
});

test("a proxy's page instead of an answer says that the server is not there, not that its model's server is", async () => {
  for (const status of [502, 503, 504, 521]) {
    for (const body of ['<html>Bad Gateway', '']) assert.equal((await of(status, body)).code, 'unreachable');
    assert.notEqual((await of(status, '{"error":"x"}')).code, 'unreachable');
  }
  assert.equal((await of(500, '<html>')).code, 'upstream_error');
});

test('a code from outside cannot name what is not in the table', () => {
  assert.equal(new ApiError('constructor').code, 'upstream_error');
});
