//! Offline: the shell of the page, so that one can read one's conversations. Never the API.
//!
//! The network comes first, so that a new version is never mixed with an old one; what it last gave is kept for
//! when it fails. Vendored files carry their version in their name and come from the cache.
//! Runs on secure origins only (https, localhost): elsewhere browsers have no service workers.

/// <reference lib="webworker" />

const CACHE = 'sluice-shell-2';
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const SHELL = [
  '/',
  '/css/base.css',
  '/css/chat.css',
  '/css/hljs.css',
  '/css/md.css',
  '/css/more.css',
  '/css/place.css',
  '/i18n/de.json',
  '/i18n/en.json',
  '/i18n/more.de.json',
  '/i18n/more.en.json',
  '/icons/icon-192.png',
  '/icons/icon.svg',
  '/js/app.js',
  '/js/dom.js',
  '/js/early.js',
  '/js/i18n.js',
  '/js/main.js',
  '/js/md/blocks.js',
  '/js/md/highlight.js',
  '/js/md/math.js',
  '/js/md/morph.js',
  '/js/md/parts.js',
  '/js/md/plain.js',
  '/js/md/render.js',
  '/js/md/stream.js',
  '/js/md/tail.js',
  '/js/md/text.js',
  '/js/state/attempt.js',
  '/js/state/brief.js',
  '/js/state/chat.js',
  '/js/state/conversation.js',
  '/js/state/database.js',
  '/js/state/ids.js',
  '/js/state/join.js',
  '/js/state/left.js',
  '/js/state/library.js',
  '/js/state/merge.js',
  '/js/state/older.js',
  '/js/state/places.js',
  '/js/state/prompts.js',
  '/js/state/request-images.js',
  '/js/state/request.js',
  '/js/state/saver.js',
  '/js/state/settings.js',
  '/js/state/store.js',
  '/js/state/tabs.js',
  '/js/state/transfer.js',
  '/js/state/tree.js',
  '/js/state/turn-state.js',
  '/js/state/turn.js',
  '/js/state/version1-chat.js',
  '/js/state/version1-names.js',
  '/js/state/version1.js',
  '/js/state/whole.js',
  '/js/trust.js',
  '/js/view/actions.js',
  '/js/view/announce.js',
  '/js/view/announcer.js',
  '/js/view/attach.js',
  '/js/view/brief-note.js',
  '/js/view/chat-actions.js',
  '/js/view/chat-list.js',
  '/js/view/chat-view.js',
  '/js/view/composer.js',
  '/js/view/context.js',
  '/js/view/dialogs.js',
  '/js/view/download.js',
  '/js/view/error-card.js',
  '/js/view/export-note.js',
  '/js/view/files.js',
  '/js/view/health.js',
  '/js/view/images.js',
  '/js/view/message-view.js',
  '/js/view/missing-model.js',
  '/js/view/model-dialog.js',
  '/js/view/models.js',
  '/js/view/notify.js',
  '/js/view/palette.js',
  '/js/view/pending.js',
  '/js/view/place.js',
  '/js/view/prompts-dialog.js',
  '/js/view/queue.js',
  '/js/view/remove-message.js',
  '/js/view/scroll.js',
  '/js/view/settings-dialog.js',
  '/js/view/share.js',
  '/js/view/shortcuts.js',
  '/js/view/sidebar.js',
  '/js/view/theme.js',
  '/js/view/title.js',
  '/js/view/transcript.js',
  '/js/view/tuning-dialog.js',
  '/js/view/undo.js',
  '/js/view/wake.js',
  '/js/wire/answer.js',
  '/js/wire/api.js',
  '/js/wire/errors.js',
  '/js/wire/ndjson.js',
  '/js/wire/think.js',
  '/manifest.webmanifest',
  '/more.html',
  '/vendor/dompurify-3.4.18.js',
  '/vendor/marked-18.2.1.js',
  '/vendor/temml-0.13.5.js',
];
/** After this a copy is as good as an answer. */
const PATIENCE_MS = 3_000;
/** So long the files of a page that the network brought are waited for; then it has what it began with. */
const LOADING_MS = 30_000;
const MOST_PAGES = 100;
/**
 * What brought a page brings its files too, so that none is of two releases: from the network they are waited for, and
 * what is kept is not asked for again, a page being 50 files, several deep.
 * @type {Map<string, 'network' | 'kept'>} by the id of the page
 */
const sources = new Map();
/** What may be kept besides the shell. */
const KEPT = /^\/(more\.html$|(css|js|i18n|icons|vendor)\/)/;

/**
 * At `/` programs are told that Ollama runs; whoever wants the page asks for HTML.
 *
 * @param {string} path
 */
function asPage(path) {
  return path === '/' ? new Request(path, { headers: { accept: 'text/html' } }) : path;
}

worker.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL.map(asPage)))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener('activate', (event) => {
  const old = caches
    .keys()
    .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => worker.clients.claim()));
});

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(
    worker.clients.matchAll({ type: 'window' }).then(([page]) => page?.focus() ?? worker.clients.openWindow('/')),
  );
});

worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== 'GET' || origin !== location.origin) return;
  if (pathname.startsWith('/vendor/')) event.respondWith(fromCacheFirst(event));
  else if (pathname === '/' || KEPT.test(pathname)) event.respondWith(fromNetworkFirst(event));
});

/** @param {FetchEvent} event */
async function fromCacheFirst(event) {
  return (await caches.match(event.request).catch(() => undefined)) ?? fromNetworkFirst(event);
}

/**
 * The network's answer comes at once; it is kept beside that, and where it cannot be kept (a full disk), that is no
 * failure. A network that hangs is given up when there is a copy.
 * @param {FetchEvent} event
 */
async function fromNetworkFirst(event) {
  const { request, clientId, resultingClientId } = event;
  const source = request.mode === 'navigate' ? undefined : sources.get(clientId);
  // What is kept is what pages ask for, whatever exactly they accept.
  const kept = await caches.match(request, { ignoreSearch: true, ignoreVary: true }).catch(() => undefined);
  if (kept && source === 'kept') return kept;
  try {
    const response = await (kept && source !== 'network' ? inTime(fetch(request)) : fetch(request));
    if (kept && response.status >= 500) throw new Error('a proxy speaks: what it stands for is down');
    if (response.ok) event.waitUntil(keep(request, response.clone()));
    note(resultingClientId, 'network');
    return response;
  } catch (error) {
    if (!kept) throw error;
    note(resultingClientId, 'kept');
    return kept;
  }
}

/** @param {string} page its id, or '' where it is no document that is asked for @param {'network' | 'kept'} source */
function note(page, source) {
  if (page === '') return;
  sources.set(page, source);
  if (source === 'network') setTimeout(() => sources.delete(page), LOADING_MS);
  const [oldest] = sources.keys();
  if (sources.size > MOST_PAGES) sources.delete(oldest);
}

/** @param {Request} request @param {Response} response */
async function keep(request, response) {
  try {
    const cache = await caches.open(CACHE);
    await cache.put(request, response);
  } catch {
    // What was kept before is older than this: half of one release with half of another is no page.
    await caches.delete(CACHE).catch(() => {});
  }
}

/** @param {Promise<Response>} answer @returns {Promise<Response>} */
async function inTime(answer) {
  const silence = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const first = await Promise.race([answer, silence]);
  if (first instanceof Response) return first;
  throw new Error('the network says nothing');
}
