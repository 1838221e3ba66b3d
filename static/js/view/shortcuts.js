//! Keys for the whole page. None is a single letter while a field has the focus, and all but those of the
//! composer can be turned off.

import { byId } from '../dom.js';
import { setting } from '../state/settings.js';

/** @param {{escape: () => void, newChat: () => void, palette: () => void, help: () => void}} does */
export function bindShortcuts({ escape, newChat, palette, help }) {
  document.addEventListener('keydown', (event) => {
    if (setting('shortcuts') === 'off' || event.isComposing || event.keyCode === 229) return;
    if (event.defaultPrevented || document.querySelector('dialog[open], :popover-open')) return;
    if (event.key === 'Escape') return isOtherField(event.target) ? undefined : escape();
    if (event.key === '?' && !isField(event.target)) {
      help();
    } else if (
      event.key.toLowerCase() === 'k' &&
      !event.shiftKey &&
      !event.altKey &&
      (event.ctrlKey || event.metaKey)
    ) {
      event.preventDefault();
      palette();
    } else if (event.key.toLowerCase() === 'o' && event.shiftKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      newChat();
    }
  });
}

/** @param {EventTarget | null} target */
const isField = (target) => target instanceof Element && target.matches('input, textarea, select, [contenteditable]');

/** Escape in the search or in a menu is for these. @param {EventTarget | null} target */
const isOtherField = (target) => isField(target) && target !== byId('composer-text');
