//! Says that conversations do not stay, where the server's operator wants it so.

import { byId } from '../dom.js';
import { loadMore, t } from '../i18n.js';

/** @param {'session' | 'off'} history */
export async function tell(history) {
  await loadMore('more');
  const text = t(history === 'session' ? 'history.session' : 'history.off');
  const note = byId('fine-print');
  note.textContent = text;
  note.dataset.brief = '';
}
