//! The states of one answer, and the moves between them. Pure.
//!
//! An event that does not apply leaves the state as it is: a token that arrives after Stop must not make a
//! stopped answer grow again.

/** @typedef {'idle'|'sending'|'queued'|'loading'|'thinking'|'streaming'|'done'|'stopped'|'interrupted'|'error'} State */
/** @typedef {'send'|'open'|'wait'|'load'|'think'|'text'|'finish'|'stop'|'fail'|'cut'} Event */

/** Moves that every state has in which the first token is not here yet. */
const BEFORE = /** @type {const} */ ({
  wait: 'queued', // a heartbeat with a place
  load: 'loading', // admitted; the upstream has not spoken
  think: 'thinking',
  text: 'streaming',
  finish: 'done',
  stop: 'stopped',
  fail: 'error', // refused, or nothing came: there is no answer to keep
  cut: 'interrupted', // accepted, then broken
});

const AFTER = /** @type {const} */ ({
  think: 'thinking',
  text: 'streaming',
  finish: 'done',
  stop: 'stopped',
  cut: 'interrupted', // never `fail`: words that are here stay
});

const OVER = /** @type {const} */ ({ send: 'sending' });

/** @type {Readonly<Record<State, Partial<Record<Event, State>>>>} */
const MOVES = Object.freeze({
  idle: OVER,
  sending: { ...BEFORE, open: 'loading' },
  queued: BEFORE,
  loading: BEFORE,
  thinking: AFTER,
  streaming: AFTER,
  done: OVER,
  stopped: OVER,
  interrupted: OVER,
  error: OVER,
});

/**
 * @param {State} state
 * @param {Event} event
 * @returns {boolean}
 */
export const allows = (state, event) => MOVES[state][event] !== undefined;

/**
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export const step = (state, event) => MOVES[state][event] ?? state;

/** @param {State} state */
export const isBusy = (state) => state !== 'idle' && !allows(state, 'send');

/** @param {State} state true while Ollama has said nothing yet */
export const isPending = (state) => allows(state, 'wait');
