//! A phone that waits in line keeps its screen on: with it goes the connection, and with that the place. Secure origins only.

import { isBusy } from '../state/turn-state.js';

/** @param {import('../state/turn.js').Turn} turn */
export function keepAwake(turn) {
  if (!matchMedia('(pointer: coarse)').matches || !('wakeLock' in navigator)) return;
  /** @type {WakeLockSentinel | undefined} */
  let lock;
  const end = () => {
    if (isBusy(turn.state)) return;
    document.removeEventListener('visibilitychange', hold);
    void lock?.release();
  };
  // Browsers let it go when the page is hidden.
  const hold = () => {
    if (document.hidden || lock?.released === false) return;
    navigator.wakeLock.request('screen').then(
      (one) => {
        lock = one;
        end();
      },
      () => {}, // the battery is low
    );
  };
  document.addEventListener('visibilitychange', hold);
  turn.addEventListener('change', end);
  hold();
}
