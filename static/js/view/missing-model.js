//! Where the model that would answer is not on the server: that is said before one has written.

import { loadMore, t } from '../i18n.js';

/** @param {string} model that would answer @param {string[]} names of those that there are */
export async function text(model, names) {
  await loadMore('more');
  return names.length === 0 ? t('empty.no_model') : t('empty.no_default', { model });
}
