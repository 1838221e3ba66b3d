//! Which model is to answer again: a list of all that the server has.

import { byId, el } from '../dom.js';
import { more, shown } from './dialogs.js';

/**
 * @param {import('./models.js').ModelPicker} models
 * @param {string} before the model that has answered
 * @returns {Promise<string | null>} null for none
 */
export async function chooseModel(models, before) {
  await more();
  const list = byId('model-list');
  const names = models.names.filter((name) => name !== before);
  list.replaceChildren(...names.map((name) => el('button', { type: 'submit', value: name }, models.textOf(name))));
  byId('model-none').hidden = names.length > 0;
  const dialog = /** @type {HTMLDialogElement} */ (byId('model-dialog'));
  await shown('model-dialog');
  return names.includes(dialog.returnValue) ? dialog.returnValue : null;
}
