//! A note at the bottom that something was done, and a button that undoes it, for a while.

import { byId } from '../dom.js';
import { status } from './announce.js';

const SHOWN_MS = 10_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {(() => void) | undefined} */
let undo;

byId('undo').addEventListener('click', () => {
  const back = undo;
  hide();
  back?.();
});

/**
 * @param {string} text what was done
 * @param {() => void} back
 */
export function offerUndo(text, back) {
  clearTimeout(timer);
  undo = back;
  byId('undo-text').textContent = text;
  byId('undo-note').hidden = false;
  status(text);
  timer = setTimeout(hide, SHOWN_MS);
}

function hide() {
  clearTimeout(timer);
  undo = undefined;
  const note = byId('undo-note');
  const hadFocus = note.contains(document.activeElement);
  note.hidden = true;
  if (hadFocus) byId('send').focus({ preventScroll: true });
}
