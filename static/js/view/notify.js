//! Tells somebody whose tab is hidden that it is their turn, that the answer is here, or that none comes: by the title,
//! and by a notification if they asked for that.

import { loadMore, t } from '../i18n.js';
import { saveSetting, setting } from '../state/settings.js';
import { isBusy } from '../state/turn-state.js';
import { errorText } from './error-card.js';
import { setTitleMark } from './title.js';

/** @typedef {import('../state/turn.js').Turn} Turn */

await loadMore('more');

/** Whether this browser can notify here at all: on a secure origin only. */
export const canNotify = () => window.isSecureContext && 'Notification' in window;

export class Notifier {
  /** @type {WeakSet<Turn>} turns that stood in line */
  #queued = new WeakSet();

  constructor() {
    document.addEventListener('visibilitychange', () => document.hidden || setTitleMark(''));
  }

  /** @param {Turn} turn @param {import('../state/turn-state.js').State} state that it has come to */
  onTurn(turn, state) {
    if (state === 'queued') {
      this.#queued.add(turn);
      setTitleMark(t('notify.place', { position: turn.place?.position ?? 0 }));
    } else if (this.#queued.has(turn)) {
      this.#queued.delete(turn);
      setTitleMark('');
      if (isBusy(state)) this.#tell(t('notify.turn'));
    }
    const { error, message } = turn;
    if (state === 'done') this.#tell(t('notify.done'));
    else if (error) void errorText(error.code, message.content !== '').then((text) => this.#tell(text));
  }

  /** @param {string} text */
  #tell(text) {
    if (!document.hidden) return;
    setTitleMark(text);
    if (setting('notify') === 'on' && canNotify() && Notification.permission === 'granted') void notify(text);
  }
}

/** The browser asks once; what it says holds. @returns {Promise<boolean>} whether it may */
export async function askToNotify() {
  const granted = canNotify() && (await Notification.requestPermission()) === 'granted';
  saveSetting('notify', granted ? 'on' : 'off');
  return granted;
}

/** Browsers on phones notify through the service worker alone. @param {string} body */
async function notify(body) {
  const options = { body, icon: '/icons/icon-192.png', tag: 'sluice-turn', renotify: true };
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active) return registration.showNotification('Sluice', options).catch(() => {});
  try {
    const note = new Notification('Sluice', options);
    note.onclick = () => window.focus();
  } catch {
    // The title says it.
  }
}
