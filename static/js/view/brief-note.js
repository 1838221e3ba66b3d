//! What is to be done where conversations do not stay, or are kept elsewhere than this page began with.

import { byId } from '../dom.js';
import { loadMore, t } from '../i18n.js';
import { keepPrompts } from '../state/prompts.js';
import { history, saveSetting } from '../state/settings.js';

/** Between two looks whether the last answer has ended. */
const LOOK_MS = 500;

/** @param {'session' | 'off'} history where they are kept */
export async function tell(history) {
  // Back would show a page that the browser has kept in its memory.
  if (history === 'off') window.addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  await loadMore('more');
  const text = t(history === 'session' ? 'history.session' : 'history.off');
  const note = byId('fine-print');
  note.textContent = text;
  note.dataset.brief = '';
}

/**
 * The server has said where. A page that knew nothing has kept its conversations for itself; they go there. Those of a
 * page that was told otherwise stay where they are. Where it is another place the page begins anew, once no answer is on its way.
 * @param {import('../state/library.js').Library} library
 * @param {import('../state/settings.js').History} before where this page keeps them
 * @param {boolean} isFirst whether the server has not said it before
 */
export async function settle(library, before, isFirst) {
  if (before === history()) return tell(/** @type {'off'} */ (before));
  while (library.busy.length > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  try {
    if (isFirst) await library.moveTo(history());
    if (isFirst) keepPrompts();
    // Else the next page would not know it either, and begin anew, and so on.
    if (!saveSetting('history', history())) throw new Error('this browser keeps nothing');
    location.reload();
  } catch {
    library.dispatchEvent(new Event('trouble'));
  }
}
