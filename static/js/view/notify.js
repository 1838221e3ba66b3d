//! Tells somebody whose tab is hidden that it is their turn, or that the answer is here: by the title, and by a
//! notification if they asked for that.

import { t } from '../i18n.js';
import { setting } from '../state/settings.js';
import { isBusy } from '../state/turn-state.js';
import { setTitleMark } from './title.js';

/** @typedef {import('../state/turn.js').Turn} Turn */

export class Notifier {
  /** @type {WeakSet<Turn>} turns that stood in line */
  #queued = new WeakSet();

  constructor() {
    document.addEventListener('visibilitychange', () => document.hidden || setTitleMark(''));
  }

  /** @param {Turn} turn */
  onTurn(turn) {
    if (turn.state === 'queued') {
      this.#queued.add(turn);
    } else if (this.#queued.has(turn) && isBusy(turn.state)) {
      this.#queued.delete(turn);
      this.#tell(t('notify.turn'));
    } else if (turn.state === 'done' && document.hidden) {
      setTitleMark(t('notify.done'));
    }
  }

  /** @param {string} text */
  #tell(text) {
    if (!document.hidden) return;
    setTitleMark(text);
    if (setting('notify') === 'on' && 'Notification' in window && Notification.permission === 'granted') {
      const note = new Notification('Sluice', { body: text, icon: '/icons/icon-192.png', tag: 'sluice-turn' });
      note.onclick = () => window.focus();
    }
  }
}
