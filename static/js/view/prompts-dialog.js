//! The prompt library: put one into the field, change it, delete it, write a new one.

import { byId, el, icon } from '../dom.js';
import { t } from '../i18n.js';
import { prompts, removePrompt, savePrompt } from '../state/prompts.js';
import { more } from './dialogs.js';

/** @type {import('./composer.js').Composer | undefined} */
let composer;

/** @param {import('./composer.js').Composer} field the same one every time */
export async function openPrompts(field) {
  await more();
  if (!composer) bind();
  composer = field;
  edit({ name: '', text: '' });
  draw();
  dialog().showModal();
}

const dialog = () => /** @type {HTMLDialogElement} */ (byId('prompts-dialog'));
const nameField = () => /** @type {HTMLInputElement} */ (byId('prompt-name'));
const textField = () => /** @type {HTMLTextAreaElement} */ (byId('prompt-text'));

function bind() {
  byId('prompt-list').addEventListener('click', ({ target }) => {
    const button = /** @type {Element} */ (target).closest('button');
    const prompt = prompts().find(({ name }) => name === button?.dataset.name);
    if (!button || !prompt) return;
    if (button.dataset.does === 'use') {
      dialog().close();
      composer?.append(prompt.text);
      composer?.focus();
    } else if (button.dataset.does === 'edit') {
      edit(prompt);
      textField().focus();
    } else {
      removePrompt(prompt.name);
      draw();
      nameField().focus();
    }
  });
  byId('prompt-save').addEventListener('click', () => {
    const prompt = { name: nameField().value.trim(), text: textField().value.trimEnd() };
    if (prompt.name === '' || prompt.text === '') return (prompt.name === '' ? nameField() : textField()).focus();
    const kept = savePrompt(prompt);
    byId('prompt-note').textContent = t(kept ? 'prompts.saved' : 'prompts.not_saved');
    if (kept) edit({ name: '', text: '' });
    draw();
  });
}

/** @param {import('../state/prompts.js').Prompt} prompt */
function edit({ name, text }) {
  nameField().value = name;
  textField().value = text;
  byId('prompt-note').textContent = '';
}

function draw() {
  const all = prompts();
  byId('prompt-none').hidden = all.length > 0;
  const items = all.map(({ name }) => {
    const label = (/** @type {string} */ does) => `${t(does)}: ${name}`;
    return el(
      'li',
      {},
      el('button', { type: 'button', 'data-does': 'use', 'data-name': name }, name),
      act('edit', 'edit', name, label('prompts.edit')),
      act('remove', 'trash', name, label('chats.delete')),
    );
  });
  byId('prompt-list').replaceChildren(...items);
}

/** @param {string} does @param {string} sign @param {string} name @param {string} label */
const act = (does, sign, name, label) =>
  el(
    'button',
    {
      type: 'button',
      class: 'quiet icon-only',
      'data-does': does,
      'data-name': name,
      'aria-label': label,
      title: label,
    },
    icon(sign),
  );
