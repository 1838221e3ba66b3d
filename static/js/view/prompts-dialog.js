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
  if (isKept(typed())) edit(EMPTY); // what is typed and not kept is there again
  tell('');
  draw();
  dialog().showModal();
}

const EMPTY = { name: '', text: '' };

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
      if (typed().text !== '' && !isSame(typed(), prompt)) return;
      edit(prompt); // one press too many: it can be kept again
      tell('prompts.removed');
    }
  });
  byId('prompt-save').addEventListener('click', () => {
    const prompt = typed();
    if (prompt.name === '' || prompt.text === '') return (prompt.name === '' ? nameField() : textField()).focus();
    const kept = savePrompt(prompt);
    if (kept) edit(EMPTY);
    tell(kept ? 'prompts.saved' : 'prompts.not_saved');
    draw();
  });
}

/** @param {import('../state/prompts.js').Prompt} prompt */
function edit({ name, text }) {
  nameField().value = name;
  textField().value = text;
  tell('');
}

/** What stands in the fields. */
const typed = () => ({ name: nameField().value.trim(), text: textField().value.trimEnd() });

/** @param {import('../state/prompts.js').Prompt} a @param {import('../state/prompts.js').Prompt} b */
const isSame = (a, b) => a.name === b.name && a.text === b.text;

/** @param {import('../state/prompts.js').Prompt} prompt */
const isKept = (prompt) => prompts().some((one) => isSame(one, prompt));

/** @param {string} key of a sentence, or nothing */
function tell(key) {
  byId('prompt-note').textContent = key === '' ? '' : t(key);
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
