//! The second stage: wires the parts of the chat page together.

import { Library } from './state/library.js';
import { scriptURL } from './trust.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { bindActions } from './view/actions.js';
import { bindAnnouncer } from './view/announcer.js';
import { bindAttach } from './view/attach.js';
import { ChatList, firstConversation } from './view/chat-list.js';
import { ChatView } from './view/chat-view.js';
import { ModelPicker } from './view/models.js';
import { ScrollKeeper } from './view/scroll.js';
import { bindShortcuts } from './view/shortcuts.js';
import { isDrawerOpen } from './view/sidebar.js';
import { history, historyOf, saveSetting, setting } from './state/settings.js';

/** A server that says nothing within this keeps nobody waiting. It waits for its upstreams for 2 s itself. */
const FIRST_REPORT_MS = 3_000;

/** @typedef {import('./state/conversation.js').Conversation} Conversation */
/**
 * @typedef {{
 *   composer: import('./view/composer.js').Composer, queue: import('./view/queue.js').QueueIndicator,
 *   health: import('./view/health.js').HealthBanner, checked: Promise<void>,
 * }} FirstStage
 */

/**
 * @param {FirstStage} first
 * @returns {Promise<Library>}
 */
export async function start(first) {
  const { composer, queue, health } = first;
  if (setting('history') === '')
    await Promise.race([first.checked, new Promise((resolve) => setTimeout(resolve, FIRST_REPORT_MS))]);
  const known = setting('history') !== '' || heedHistory(health) !== undefined;
  const library = new Library(history());
  bindHistory(library, health, known);
  bindStorage(library);
  await library.begin();
  const scroll = new ScrollKeeper(byId('scroller'), byId('jump'));
  const models = new ModelPicker();
  const conversation = await firstConversation(library, models);
  const view = new ChatView({ library, composer, scroll }, conversation);
  const chats = new ChatList(library, view, models);
  const named = () => models.setDefault(health.report, view.conversation.chat.model);
  health.addEventListener('report', named);
  named();
  bindKeyNote(models, () => void loadModels());
  const loadModels = () => models.load(view.conversation.chat.model);
  /** Asks for a key; what was refused for want of one goes out again. */
  const keyFor = (/** @type {Conversation} */ conversation, again = () => conversation.tryAgain()) =>
    dialogs().then(({ askKey }) => askKey({ refused: true }, () => (void loadModels(), again())));
  bindAnnouncer({ library, queue, health, askKey: keyFor });
  models.addEventListener('chosen', () => view.conversation.set({ model: models.chosen }));
  bindLeaving(library);
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault(); // the address names the conversation
    composer.focus();
  });
  bindActions(view, { askKey: keyFor, models });
  bindContext(view, models);
  bindShortcuts({
    escape: () => onEscape(view, composer),
    newChat: () => chats.openNew(),
    palette: () => void palette(),
    help: showHelp,
  });
  const context = { view, library, chats, loadModels, health };
  const palette = async () => (await import('./view/palette.js')).openPalette({ ...context, composer, models });
  bindLazily(context, composer);
  bindAttach(composer);
  await chats.begin();
  composer.open();
  void loadModels();
  void registerWorker();
  if (/** @type {any} */ (performance.getEntriesByType('navigation')[0])?.type !== 'navigate')
    void import('./state/places.js').then(({ takeUpPlaces }) => takeUpPlaces(library));
  library.addEventListener('cleared', () => location.replace('/'));
  if (library.list.length > 0) {
    void import('./view/export-note.js').then(({ offerExport }) =>
      offerExport(library.list.length, () => settings(context)),
    );
  }
  void library.upgrade();
  return library;
}

/**
 * Where conversations are kept is the operator's to say. What was said the last time holds until the server speaks.
 * @param {Library} library
 * @param {FirstStage['health']} health
 * @param {boolean} known whether it has ever spoken
 */
function bindHistory(library, health, known) {
  const before = history();
  const brief = () => import('./view/brief-note.js');
  if (known && before !== 'device') void brief().then(({ tell }) => tell(before));
  const heard = () => {
    const told = heedHistory(health);
    if (told === undefined) return;
    health.removeEventListener('report', heard);
    if (told !== before || !known) void brief().then(({ settle }) => settle(library, before, !known));
  };
  health.addEventListener('report', heard);
  heard();
}

/** A refusal (of this name, or by wrong settings) tells nothing. @param {FirstStage['health']} health */
function heedHistory({ report }) {
  if (!report || report.code) return undefined;
  saveSetting('history', historyOf(report.pageHistory));
  return history();
}

/** They come when the first is needed. */
const dialogs = () => import('./view/dialogs.js');

/**
 * Where a key is needed that is said before one has written.
 * @param {ModelPicker} models
 * @param {() => void} changed
 */
function bindKeyNote(models, changed) {
  models.addEventListener('locked', (event) => {
    byId('empty-key').hidden = !(/** @type {CustomEvent<boolean>} */ (event).detail);
  });
  byId('empty-key-enter').addEventListener('click', async () => {
    const { askKey } = await dialogs();
    await askKey({ refused: false }, changed);
  });
}

/** @param {Library} library */
function bindStorage(library) {
  const note = byId('storage-note');
  library.addEventListener('trouble', () => {
    note.hidden = false;
    byId('storage-text').textContent = t('store.trouble');
  });
  library.addEventListener('well', () => (note.hidden = true));
  library.addEventListener('turn', () => setting('history') === 'device' && void keepStorage(), { once: true });
}

/** Else a browser that is short of room may throw the conversations away. */
async function keepStorage() {
  if (!navigator.storage?.persist || (await navigator.storage.persisted())) return;
  await navigator.storage.persist().catch(() => false);
}

/**
 * How much of the model's context is full; nobody needs that before there is an answer.
 * @param {ChatView} view
 * @param {ModelPicker} models
 */
function bindContext(view, models) {
  const draw = async () => {
    const { conversation } = view;
    const { chat } = conversation;
    const most = models.contextOf(chat.model);
    const isLong = chat.messages.some(
      ({ stats }) => stats?.promptCut || (most > 0 && (stats?.promptTokens ?? 0) + (stats?.tokens ?? 0) > most / 2),
    );
    byId('context').hidden ||= !isLong;
    if (!isLong) return;
    const { drawContext } = await import('./view/context.js');
    if (conversation === view.conversation) drawContext(conversation, most);
  };
  for (const type of ['changed', 'shown']) view.addEventListener(type, () => void draw().catch(() => {}));
  models.addEventListener('told', () => void draw().catch(() => {}));
}

/** What is not written yet when the page goes away is left for the next one. @param {Library} library */
function bindLeaving(library) {
  window.addEventListener('pagehide', () => library.leave());
  document.addEventListener('visibilitychange', () => (document.hidden ? library.leave() : void library.comeBack()));
}

/**
 * Escape gives up the nearest thing: the drawer, an edit, then the answer.
 * @param {ChatView} view
 * @param {import('./view/composer.js').Composer} composer
 */
async function onEscape(view, composer) {
  if (isDrawerOpen()) return;
  if (composer.editing) return composer.endEdit();
  const { turn, busy } = view.conversation;
  if (!busy) return;
  // A place in line is minutes of waiting.
  if (turn?.state === 'queued') {
    const { ask } = await dialogs();
    if ((await ask({ title: t('leave.ask'), yes: t('action.leave') })) === null) return;
  }
  view.conversation.turn === turn && view.stop();
}

/**
 * @typedef {{
 *   view: ChatView, library: Library, chats: ChatList, loadModels: () => Promise<void>,
 *   health: import('./view/health.js').HealthBanner,
 * }} Context
 */

/** @param {Context} context */
const settings = async (context) => (await import('./view/settings-dialog.js')).openSettings(context);

/** @param {import('./view/composer.js').Composer} composer */
const openPrompts = async (composer) => (await import('./view/prompts-dialog.js')).openPrompts(composer);
/** @param {Context} context */
const openTuning = async ({ view, health }) =>
  (await import('./view/tuning-dialog.js')).openTuning(view, health.report?.defaults);
const showHelp = async () => (await dialogs()).showHelp();

/**
 * Dialogs that few people open are fetched when they do.
 * @param {Context} context
 * @param {import('./view/composer.js').Composer} composer
 */
function bindLazily(context, composer) {
  byId('open-help').addEventListener('click', showHelp);
  byId('open-tuning').addEventListener('click', () => openTuning(context));
  byId('open-prompts').addEventListener('click', () => openPrompts(composer));
  byId('open-settings').addEventListener('click', () => settings(context));
}

/** Offline shell: secure origins only, and never in the way of anything. */
async function registerWorker() {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register(scriptURL('/sw.js')).catch(() => {});
}
