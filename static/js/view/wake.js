//! A phone that waits in line keeps its screen on: with it goes the connection, and with that the place. Secure origins only.

import { isBusy } from '../state/turn-state.js';

/** @param {import('../state/turn.js').Turn} turn */
export function keepAwake(turn) {
  if (!matchMedia('(pointer: coarse)').matches || !('wakeLock' in navigator)) return;
  navigator.wakeLock.request('screen').then(
    (lock) => {
      const end = () => isBusy(turn.state) || void lock.release();
      turn.addEventListener('change', end);
      end();
    },
    () => {}, // the battery is low
  );
}
