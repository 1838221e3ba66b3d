//! Which model is to answer again: a list of all that the server has.

import { byId, el } from '../dom.js';
import { t } from '../i18n.js';
import { more, shown } from './dialogs.js';

/**
 * @param {import('./models.js').ModelPicker} models
 * @param {string} before the model that has answered
 * @returns {Promise<string | null>} null for none
 */
export async function chooseModel(models, before) {
  await more();
  draw(models, before);
  const drawAnew = () => draw(models, before);
  models.addEventListener('told', drawAnew);
  void models.load();
  await shown('model-dialog');
  models.removeEventListener('told', drawAnew);
  const { returnValue } = /** @type {HTMLDialogElement} */ (byId('model-dialog'));
  return models.names.includes(returnValue) ? returnValue : null;
}

/** A list that says the same already stays, with the focus in it. @param {import('./models.js').ModelPicker} models @param {string} before */
function draw(models, before) {
  const list = byId('model-list');
  const names = models.names.filter((name) => name !== before);
  const none = byId('model-none');
  none.hidden = names.length > 0;
  none.textContent = t(models.told ? 'model.no_other' : 'model.not_told');
  const drawn = JSON.stringify(names.map((name) => models.textOf(name)));
  if (list.dataset.drawn === drawn) return;
  list.dataset.drawn = drawn;
  list.replaceChildren(...names.map((name) => el('button', { type: 'submit', value: name }, models.textOf(name))));
}
