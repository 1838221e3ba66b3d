import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../../static/js/dashboard/history.js';
import { buckets, parse, quantile, total } from '../../../static/js/dashboard/prometheus.js';

const TEXT = `# HELP sluice_refused_total refusals
# TYPE sluice_refused_total counter
sluice_refused_total{code="queue_full"} 3
sluice_refused_total{code="say \\"no\\"",x="a,b"} 2 1700000000000
sluice_wait_seconds_bucket{class="a",le="1"} 2
sluice_wait_seconds_bucket{class="b",le="1"} 2
sluice_wait_seconds_bucket{class="a",le="+Inf"} 5
broken line {
sluice_active 4
nan_metric NaN
`;

test('samples are read with their labels; other lines are left out', () => {
  const samples = parse(TEXT);
  assert.equal(samples.length, 7);
  assert.deepEqual(samples[1], { name: 'sluice_refused_total', labels: { code: 'say "no"', x: 'a,b' }, value: 2 });
  assert.equal(total(samples, /refused_total$/), 5);
  assert.equal(total(samples, /absent/), undefined);
  assert.deepEqual(Array.from(buckets(samples, /wait_seconds_bucket$/)), [
    [1, 4],
    [Infinity, 5],
  ]);
});

test('a quantile is of what came between two readings', () => {
  const before = new Map([
    [1, 10],
    [2, 10],
    [Infinity, 10],
  ]);
  const after = new Map([
    [1, 12],
    [2, 14],
    [Infinity, 14],
  ]);
  assert.equal(quantile(before, after, 0.5), 1);
  assert.equal(quantile(before, after, 0.75), 1.5);
  assert.equal(quantile(after, after, 0.5), undefined);
  assert.equal(quantile(new Map(), new Map(), 0.5), undefined);
  assert.equal(
    quantile(
      new Map(),
      new Map([
        [1, 0],
        [Infinity, 3],
      ]),
      0.5,
    ),
    1,
  );
});

test('a point says what changed, and null for what is not known', () => {
  const history = new History(60_000);
  const reading = (atMs, tokens, refused) => ({
    atMs,
    queue: { active: 1, queued: 0, max: 4, tokens },
    samples: parse(`x_refused_total ${refused}`),
  });
  history.add(reading(0, 100, 0));
  history.add(reading(2_000, 300, 1));
  history.add(reading(4_000, 50, 1));
  history.add({ atMs: 6_000, queue: null, samples: [] });
  assert.deepEqual(
    history.points.map(({ tokensPerSecond }) => tokensPerSecond),
    [null, 100, 25, null],
  );
  assert.deepEqual(
    history.points.map(({ refusedPerMinute }) => refusedPerMinute),
    [null, 30, 0, null],
  );
  assert.deepEqual(
    history.points.map(({ active }) => active),
    [1, 1, 1, null],
  );
  assert.deepEqual(
    history.points.map(({ waitSeconds }) => waitSeconds),
    [null, null, null, null],
  );
});

test('a median is of what came since a reading that could be read, not since the server began', () => {
  const history = new History(60_000);
  const waits = (short, long) =>
    parse(`x_wait_seconds_bucket{le="1"} ${short}\nx_wait_seconds_bucket{le="9"} ${short + long}\n`);
  history.add({ atMs: 0, queue: null, samples: [] });
  history.add({ atMs: 2_000, queue: null, samples: waits(100, 0) });
  history.add({ atMs: 4_000, queue: null, samples: waits(100, 2) });
  assert.deepEqual(
    history.points.map(({ waitSeconds }) => waitSeconds),
    [null, null, 5],
  );
});

test('points older than what is kept go away', () => {
  const history = new History(5_000);
  for (let atMs = 0; atMs <= 20_000; atMs += 1_000) history.add({ atMs, queue: null, samples: [] });
  assert.deepEqual(
    history.points.map(({ atMs }) => atMs),
    [15_000, 16_000, 17_000, 18_000, 19_000, 20_000],
  );
});
