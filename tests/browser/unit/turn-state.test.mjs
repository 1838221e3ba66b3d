import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allows, isBusy, isPending, step } from '../../../static/js/state/turn-state.js';

const STATES = [
  'idle',
  'sending',
  'queued',
  'loading',
  'thinking',
  'streaming',
  'done',
  'stopped',
  'interrupted',
  'error',
];
const EVENTS = ['send', 'open', 'wait', 'load', 'think', 'text', 'finish', 'stop', 'fail', 'cut'];
const run = (...events) => events.reduce(step, 'idle');

test('the usual way: send, open, text, finish', () => {
  assert.equal(run('send', 'open', 'text', 'text', 'finish'), 'done');
});

test('the line: places, then my turn, then words', () => {
  assert.equal(run('send', 'open', 'wait', 'wait'), 'queued');
  assert.equal(run('send', 'open', 'wait', 'load'), 'loading');
  assert.equal(run('send', 'open', 'wait', 'load', 'think', 'text', 'finish'), 'done');
});

test('an ended answer never moves but by a new send', () => {
  for (const state of ['done', 'stopped', 'interrupted', 'error']) {
    for (const event of EVENTS.filter((one) => one !== 'send'))
      assert.equal(step(state, event), state, `${state} ${event}`);
    assert.equal(step(state, 'send'), 'sending');
  }
});

test('words that are here are never turned into a mere error', () => {
  for (const state of ['thinking', 'streaming']) {
    assert.equal(allows(state, 'fail'), false);
    assert.equal(step(state, 'cut'), 'interrupted');
  }
});

test('words do not go back into the line', () => {
  assert.equal(step('streaming', 'wait'), 'streaming');
  assert.equal(step('streaming', 'load'), 'streaming');
});

test('every busy state can be stopped, and none can be sent from', () => {
  for (const state of STATES.filter(isBusy)) {
    assert.equal(step(state, 'stop'), 'stopped');
    assert.equal(allows(state, 'send'), false);
  }
  assert.deepEqual(STATES.filter(isBusy), ['sending', 'queued', 'loading', 'thinking', 'streaming']);
  assert.deepEqual(STATES.filter(isPending), ['sending', 'queued', 'loading']);
});

test('the table of moves has this many entries', () => {
  const moves = STATES.flatMap((state) => EVENTS.filter((event) => allows(state, event)));
  assert.equal(moves.length, 9 + 8 + 8 + 5 + 5 + 5);
});
