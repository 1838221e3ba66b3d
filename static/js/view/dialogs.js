//! The dialogs that are small and shared: asking for a key, a name, a yes.

import { apiKey, saveApiKey } from '../wire/api.js';
import { byId } from '../dom.js';
import { t } from '../i18n.js';

/** @param {string} id @returns {HTMLDialogElement} */
const dialog = (id) => /** @type {HTMLDialogElement} */ (byId(id));

/** Cancel closes; so does a click beside the dialog. */
export function bindDialogs() {
  for (const node of document.querySelectorAll('dialog')) {
    node.addEventListener('click', (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target === node || target.closest('[data-close]')) node.close('');
    });
    for (const button of node.querySelectorAll('button[type=submit]')) button.setAttribute('value', 'yes');
  }
  // The dashboard has none.
  document.getElementById('open-help')?.addEventListener('click', () => dialog('help-dialog').showModal());
}

/**
 * Shows a dialog and waits for its end.
 * @param {string} id
 * @returns {Promise<boolean>} whether it was submitted
 */
export function shown(id) {
  const node = dialog(id);
  node.returnValue = '';
  if (!node.open) node.showModal();
  return new Promise((resolve) => {
    node.addEventListener('close', () => resolve(node.returnValue === 'yes'), { once: true });
  });
}

/**
 * Asks for the API key; `resume` sends again what was refused.
 * @param {() => void} resume
 */
export async function askKey(resume) {
  const input = /** @type {HTMLInputElement} */ (byId('key-input'));
  const remember = /** @type {HTMLInputElement} */ (byId('key-remember'));
  byId('key-text').textContent = t(apiKey() ? 'key.wrong' : 'key.text');
  input.value = '';
  const yes = await shown('key-dialog');
  if (!yes || input.value === '') return;
  saveApiKey(input.value.trim(), { remember: remember.checked });
  input.value = '';
  resume();
}

/**
 * Asks for a yes, or for a text when there is a `value` to begin with.
 * @param {{title: string, text?: string, yes: string, value?: string}} question
 * @returns {Promise<string | null>} null for no
 */
export async function ask({ title, text = '', yes, value }) {
  const input = /** @type {HTMLInputElement} */ (byId('ask-input'));
  byId('ask-title').textContent = title;
  byId('ask-text').textContent = text;
  byId('ask-yes').textContent = yes;
  input.hidden = value === undefined;
  input.value = value ?? '';
  const agreed = await shown('ask-dialog');
  return agreed ? input.value : null;
}
