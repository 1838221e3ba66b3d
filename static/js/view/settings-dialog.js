//! The settings dialog: appearance, notifications, keys, and one's own data.

import * as announce from './announce.js';
import { titleOf } from '../state/chat.js';
import { ask, askKey, more } from './dialogs.js';
import { askToNotify, canNotify } from './notify.js';
import { download, fileName } from './download.js';
import { byId } from '../dom.js';
import { t } from '../i18n.js';
import { history, saveSetting, setting } from '../state/settings.js';
import { applyTheme } from './theme.js';
import { fromJson, fromMarkdown, toJson, toMarkdown } from '../state/transfer.js';

/**
 * @typedef {{
 *   view: import('./chat-view.js').ChatView, library: import('../state/library.js').Library,
 *   loadModels: () => Promise<void>,
 * }} Context
 */

const MOST_BYTES = 64 * 1024 * 1024;
let bound = false;

/** @param {Context} context the same one every time */
export async function openSettings(context) {
  await more();
  if (!bound) bind(context);
  bound = true;
  /** @type {HTMLSelectElement} */ (byId('theme')).value = setting('theme') || 'system';
  byId('notify-row').hidden = !canNotify(); // elsewhere browsers have none
  box('notify').checked = setting('notify') === 'on';
  box('use-shortcuts').checked = setting('shortcuts') !== 'off';
  byId('settings-where').textContent = t(history() === 'device' ? 'settings.data_text' : `history.${history()}`);
  say('');
  /** @type {HTMLDialogElement} */ (byId('settings-dialog')).showModal();
}

/** @param {Context} context */
function bind({ view, library, loadModels }) {
  const theme = /** @type {HTMLSelectElement} */ (byId('theme'));
  const file = /** @type {HTMLInputElement} */ (byId('import-file'));
  theme.addEventListener('change', () => {
    saveSetting('theme', theme.value);
    applyTheme();
  });
  box('notify').addEventListener('change', () => setNotify(box('notify')));
  box('use-shortcuts').addEventListener('change', () =>
    saveSetting('shortcuts', box('use-shortcuts').checked ? 'on' : 'off'),
  );
  byId('change-key').addEventListener('click', () => {
    /** @type {HTMLDialogElement} */ (byId('settings-dialog')).close();
    void askKey({ refused: false }, () => void loadModels());
  });
  byId('export-json').addEventListener('click', async () => {
    download('sluice.json', 'application/json', toJson(await library.everything()));
    saveSetting('exported', String(Date.now()));
    document.getElementById('export-note')?.remove();
  });
  byId('export-markdown').addEventListener('click', () => {
    const { chat } = view.conversation;
    download(`${fileName(titleOf(chat))}.md`, 'text/markdown', toMarkdown(chat));
  });
  byId('export-html').addEventListener('click', () => shareHtml(view.conversation));
  byId('forget-all').addEventListener('click', () => void forgetAll(library));
  byId('import').addEventListener('click', () => file.click());
  file.addEventListener('change', async () => {
    const chosen = file.files?.[0];
    file.value = '';
    if (chosen) await take(chosen, library);
  });
}

/** @param {import('../state/conversation.js').Conversation} conversation */
export async function shareHtml(conversation) {
  const { toHtml } = await import('./share.js');
  download(`${fileName(titleOf(conversation.chat))}.html`, 'text/html', await toHtml(conversation));
}

/** Conversations, drafts, prompts, settings and the key: for a device that others use too. @param {import('../state/library.js').Library} library */
async function forgetAll(library) {
  const yes = await ask({ title: t('forget.ask'), text: t('forget.text'), yes: t('forget.yes') });
  if (yes === null) return;
  try {
    await library.clear();
  } catch {
    return say(t('forget.failed'));
  }
  location.replace('/');
}

/**
 * @param {File} file
 * @param {import('../state/library.js').Library} library
 */
async function take(file, library) {
  try {
    if (file.size > MOST_BYTES) throw new RangeError('too large');
    say(t('settings.importing'));
    const text = await file.text();
    const taken = file.name.endsWith('.md') ? [fromMarkdown(text, Date.now())] : fromJson(text);
    await library.take(taken);
    say(t('settings.imported', { n: taken.length }));
  } catch {
    say(t('settings.import_failed'));
  }
}

/** @param {HTMLInputElement} input */
async function setNotify(input) {
  if (!input.checked) return saveSetting('notify', 'off');
  input.checked = await askToNotify();
  if (!input.checked) say(t('settings.notify_refused'));
}

/** @param {string} id @returns {HTMLInputElement} */
const box = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** @param {string} text */
function say(text) {
  byId('settings-note').textContent = text;
  announce.status(text);
}
