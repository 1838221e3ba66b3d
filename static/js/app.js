//! The second stage: wires the parts of the chat page together.

import { bindActions } from './view/actions.js';
import { ChatList } from './view/chat-list.js';
import { Conversation } from './view/conversation.js';
import { askKey, bindDialogs } from './view/dialogs.js';
import { byId } from './dom.js';
import { t } from './i18n.js';
import { loadMarkdown } from './view/message-view.js';
import { ModelPicker } from './view/models.js';
import { Notifier } from './view/notify.js';
import { ScrollKeeper } from './view/scroll.js';
import { bindShortcuts } from './view/shortcuts.js';
import { Store } from './state/store.js';
import { policy } from './trust.js';

const DRAFT_AFTER_MS = 300;

/**
 * @param {Pick<import('./view/conversation.js').Parts, 'composer' | 'queue' | 'health'>} parts
 * @returns {Promise<Conversation>}
 */
export async function start({ composer, queue, health }) {
  const store = new Store();
  store.addEventListener('trouble', () => {
    byId('storage-note').hidden = false;
    byId('storage-text').textContent = t('store.trouble');
  });
  const scroll = new ScrollKeeper(byId('scroller'), byId('jump'));
  const models = new ModelPicker();
  const conversation = new Conversation({
    store,
    composer,
    health,
    queue,
    scroll,
    askKey: (resume) => askKey(() => (void models.load(conversation.chat.model), resume())),
  });
  const chats = new ChatList(store, conversation, models);
  const notifier = new Notifier();
  conversation.addEventListener('turn', (event) => notifier.onTurn(/** @type {CustomEvent} */ (event).detail));
  models.addEventListener('chosen', () => conversation.setModel(models.chosen));
  keepDrafts(store, composer, conversation);
  bindDialogs();
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault(); // the address names the conversation
    composer.focus();
  });
  bindActions(conversation);
  bindShortcuts({ stop: () => conversation.stop(), newChat: () => chats.open('') });
  bindLazily(conversation, store, chats);
  bindImages(composer);
  await store.begin();
  await chats.open(location.hash.slice(1));
  composer.open();
  void models.load(conversation.chat.model);
  composer.addEventListener('input', () => void loadMarkdown(), { once: true }); // an answer will follow
  void registerWorker();
  return conversation;
}

/**
 * What is typed survives a reload, per conversation.
 * @param {Store} store
 * @param {import('./view/composer.js').Composer} composer
 * @param {Conversation} conversation
 */
function keepDrafts(store, composer, conversation) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const save = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    if (!composer.editing) void store.saveDraft(conversation.draftId, composer.unsent);
  };
  const saveSoon = () => (timer ??= setTimeout(save, DRAFT_AFTER_MS));
  composer.addEventListener('input', saveSoon);
  if (composer.unsent) saveSoon();
  conversation.addEventListener('leaving', save);
  const leave = () => {
    save();
    store.leave();
  };
  window.addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => document.hidden && leave());
  conversation.addEventListener('shown', async () => {
    const id = conversation.draftId;
    const text = await store.draft(id);
    if (conversation.draftId === id && composer.draft.text === '') composer.set({ text, images: [] });
  });
}

/**
 * Dialogs that few people open are fetched when they do.
 * @param {Conversation} conversation
 * @param {Store} store
 * @param {ChatList} chats
 */
function bindLazily(conversation, store, chats) {
  byId('open-tuning').addEventListener('click', async () => {
    const { openTuning } = await import('./view/tuning-dialog.js');
    openTuning(conversation);
  });
  byId('open-settings').addEventListener('click', async () => {
    const { openSettings } = await import('./view/settings-dialog.js');
    openSettings({ conversation, store, chats });
  });
}

/**
 * Images are rare: what reads them is fetched with the first.
 * @param {import('./view/composer.js').Composer} composer
 */
function bindImages(composer) {
  const input = /** @type {HTMLInputElement} */ (byId('attach-file'));
  const add = async (/** @type {Iterable<File>} */ files) => {
    const { addImages } = await import('./view/images.js');
    await addImages(composer, files);
    input.value = '';
  };
  byId('attach').addEventListener('click', () => input.click());
  input.addEventListener('change', () => add(Array.from(input.files ?? [])));
  byId('composer-text').addEventListener('paste', (event) => {
    const files = Array.from(event.clipboardData?.files ?? []);
    if (files.length === 0) return;
    event.preventDefault();
    void add(files);
  });
  byId('app').addEventListener('dragover', (event) => event.preventDefault());
  byId('app').addEventListener('drop', (event) => {
    event.preventDefault();
    void add(Array.from(event.dataTransfer?.files ?? []));
  });
}

/** Offline shell: secure origins only, and never in the way of anything. */
async function registerWorker() {
  if (!('serviceWorker' in navigator)) return;
  const url = policy?.createScriptURL('/sw.js') ?? '/sw.js';
  await navigator.serviceWorker.register(url).catch(() => {});
}
