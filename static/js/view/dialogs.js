//! The dialogs that are small and shared: asking for a key, a name, a yes. And what brings the others.

import { byId, find, style } from '../dom.js';
import { apply, loadMore, t } from '../i18n.js';
import { history } from '../state/settings.js';
import { apiKey, saveApiKey } from '../wire/api.js';

/** @param {string} id */
function dialog(id) {
  return /** @type {HTMLDialogElement} */ (byId(id));
}

/** @type {Promise<void> | undefined} */
let here;

/** The dialogs, their style and their words: fetched once, before the first of them is shown. */
export function more() {
  here ??= fetchMore().catch((error) => {
    here = undefined; // the next time, perhaps
    throw error;
  });
  return here;
}

async function fetchMore() {
  const [page] = await Promise.all([markup('/more.html'), loadMore('more'), style('/css/more.css')]);
  for (const node of page.querySelectorAll('dialog')) {
    const dialog = document.importNode(node, true);
    apply(dialog);
    bind(dialog);
    document.body.append(dialog);
  }
}

/** A file as a document that nothing of runs. @param {string} path @returns {Promise<Document>} */
function markup(path) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', path);
    request.responseType = 'document';
    request.onload = () => {
      const { status, responseXML } = request; // a proxy's word that nothing is there is a document too
      if (status === 200 && responseXML) resolve(responseXML);
      else reject(new TypeError('no markup'));
    };
    request.onerror = () => reject(new TypeError('not there'));
    request.send();
  });
}

export async function showHelp() {
  await more();
  dialog('help-dialog').showModal();
}

/** Cancel closes; so does a press beside the dialog. @param {HTMLDialogElement} node */
function bind(node) {
  // Where the press began counts: a selection that is dragged out of a field ends beside the dialog.
  node.addEventListener('pointerdown', (event) => {
    if (event.target === node && isOutside(node, event)) node.dataset.beside = '';
    else delete node.dataset.beside;
  });
  node.addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    const beside = target === node && node.dataset.beside === '' && isOutside(node, event);
    if (beside || target.closest('[data-close]')) node.close('');
  });
  for (const button of node.querySelectorAll('button[type=submit]:not([value])')) button.setAttribute('value', 'yes');
}

/** @param {HTMLElement} node @param {MouseEvent} event */
function isOutside(node, { clientX, clientY }) {
  const { left, right, top, bottom } = node.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
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

/** What goes on once the key is another one, while it is asked for. @type {(() => void)[]} */
let asking = [];

/**
 * Asks for the API key, once for all who want it at the same time. An empty one takes the key away.
 * @param {{refused: boolean}} why whether the server has just refused what was sent
 * @param {() => void} changed what to do once it is another one
 */
export async function askKey({ refused }, changed) {
  await more();
  if (asking.push(changed) > 1) return;
  const input = /** @type {HTMLInputElement} */ (byId('key-input'));
  const remember = /** @type {HTMLInputElement} */ (byId('key-remember'));
  const there = apiKey() !== '';
  byId('key-text').textContent = t(refused ? (there ? 'key.wrong' : 'key.text') : there ? 'key.change' : 'key.none');
  byId('key-fault').textContent = '';
  byId('key-forget').hidden = !there;
  find(byId('key-dialog'), '.check').hidden = history() !== 'device'; // a computer of many
  input.value = '';
  const changedKey = () => {
    for (const goOn of asking.splice(0)) goOn();
    document.getElementById('send')?.focus({ preventScroll: true }); // the button that asked goes
  };
  while (await shown('key-dialog')) {
    const key = input.value.trim();
    if (isPlain(key)) {
      input.value = '';
      saveApiKey(key, { remember: remember.checked });
      return changedKey();
    }
    byId('key-fault').textContent = t('key.odd');
  }
  if (dialog('key-dialog').returnValue === 'forget') {
    saveApiKey('', { remember: false });
    changedKey();
  }
  asking = [];
  input.value = '';
}

/** A header carries nothing else: a typographic quote came along from a document. @param {string} key */
const isPlain = (key) => /^[\x21-\x7e]+$/.test(key);

/**
 * Asks for a yes, or for a text when there is a `value` to begin with.
 * @param {{title: string, text?: string, yes: string, value?: string}} question
 * @returns {Promise<string | null>} null for no
 */
export async function ask({ title, text = '', yes, value }) {
  await more();
  const input = /** @type {HTMLInputElement} */ (byId('ask-input'));
  byId('ask-title').textContent = title;
  byId('ask-text').textContent = text;
  byId('ask-yes').textContent = yes;
  input.hidden = value === undefined;
  input.value = value ?? '';
  const agreed = await shown('ask-dialog');
  return agreed ? input.value : null;
}
