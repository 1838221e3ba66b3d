//! Ctrl K: find a conversation, a prompt, a model or a command by a few letters of it.

import { byId, el } from '../dom.js';
import { t } from '../i18n.js';
import { prompts } from '../state/prompts.js';
import { more, showHelp } from './dialogs.js';
import { openPrompts } from './prompts-dialog.js';
import { openSettings, shareHtml } from './settings-dialog.js';
import { openTuning } from './tuning-dialog.js';

/** @typedef {{kind: string, label: string, run: () => unknown}} Entry */
/**
 * @typedef {import('./settings-dialog.js').Context & {
 *   chats: import('./chat-list.js').ChatList, health: import('./health.js').HealthBanner,
 *   composer: import('./composer.js').Composer, models: import('./models.js').ModelPicker,
 * }} Parts
 */

const MOST = 12;
/** @type {Parts} */
let parts;
/** @type {Entry[]} */
let entries = [];
let at = 0;
/** Until the entries are those of what is typed. @type {Promise<void>} */
let found = Promise.resolve();
let bound = false;

/** @param {Parts} given the same ones every time */
export async function openPalette(given) {
  await more();
  parts = given;
  if (!bound) bind();
  bound = true;
  field().value = '';
  // At once: what is typed meanwhile belongs here.
  dialog().showModal();
  await (found = find());
}

const dialog = () => /** @type {HTMLDialogElement} */ (byId('palette'));
const field = () => /** @type {HTMLInputElement} */ (byId('palette-field'));

function bind() {
  field().addEventListener('input', () => (found = find()));
  field().addEventListener('keydown', async (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && entries.length > 0) {
      event.preventDefault();
      mark((at + step + entries.length) % entries.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const { value } = field();
      await found;
      if (value === field().value) choose(at);
    }
  });
  byId('palette-list').addEventListener('click', ({ target }) => {
    const item = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest('[role=option]'));
    if (item) choose(Number(item.dataset.index));
  });
}

async function find() {
  const query = field().value.trim().toLowerCase();
  const parted = query.split(/\s+/);
  const fits = ({ label = '' }) => parted.every((part) => label.toLowerCase().includes(part));
  const metas = query ? await parts.library.search(query) : parts.library.list;
  if (query !== field().value.trim().toLowerCase()) return; // something else is looked for by now
  const commands = named().map(([key, run]) => ({ kind: 'palette.command', label: t(key), run }));
  const texts = prompts().map(({ name, text }) => ({
    kind: 'palette.prompt',
    label: name,
    run: () => insert(text),
  }));
  const models = parts.models.names.map((name) => ({
    kind: 'palette.model',
    label: name,
    run: () => parts.models.choose(name),
  }));
  const chats = metas.map(({ id, title }) => ({
    kind: 'palette.chat',
    label: title || t('chats.untitled'),
    run: () => parts.chats.open(id, { isMove: true }),
  }));
  const few = query ? MOST : 5;
  entries = [...commands.filter(fits), ...texts.filter(fits), ...models.filter(fits), ...chats.slice(0, few)].slice(
    0,
    MOST,
  );
  const items = entries.map(({ kind, label }, index) =>
    el(
      'li',
      { role: 'option', id: `palette-${index}`, 'data-index': String(index) },
      el('span', {}, label),
      el('span', { class: 'hint' }, t(kind)),
    ),
  );
  byId('palette-list').replaceChildren(...items);
  byId('palette-none').hidden = entries.length > 0;
  mark(0);
}

/** What can be done by its name. @returns {[string, () => unknown][]} */
const named = () => [
  ['chats.new', () => parts.chats.openNew()],
  ['tuning.title', () => openTuning(parts.view, parts.health.report?.defaults)],
  ['nav.prompts', () => openPrompts(parts.composer)],
  ['nav.settings', () => openSettings(parts)],
  ['settings.export_html', () => shareHtml(parts.view.conversation)],
  ['nav.help', showHelp],
];

/** @param {string} text */
function insert(text) {
  parts.composer.append(text);
  parts.composer.focus();
}

/** @param {number} index */
function mark(index) {
  at = index;
  for (const [number, item] of Array.from(byId('palette-list').children).entries()) {
    item.setAttribute('aria-selected', String(number === at));
    if (number === at) item.scrollIntoView({ block: 'nearest' });
  }
  if (entries.length > 0) field().setAttribute('aria-activedescendant', `palette-${at}`);
  else field().removeAttribute('aria-activedescendant');
}

/** @param {number} index */
function choose(index) {
  const entry = entries[index];
  if (!entry) return;
  dialog().close();
  entry.run();
}
