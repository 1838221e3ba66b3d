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
  '/i18n/de.json',
  '/i18n/en.json',
  '/icons/icon-192.png',
  '/icons/icon.svg',
  '/js/app.js',
  '/js/dom.js',
  '/js/i18n.js',
  '/js/main.js',
  '/js/md/blocks.js',
  '/js/md/highlight.js',
  '/js/md/plain.js',
  '/js/md/render.js',
  '/js/md/stream.js',
  '/js/md/tail.js',
  '/js/state/chat.js',
  '/js/state/merge.js',
  '/js/state/settings.js',
  '/js/state/store.js',
  '/js/state/transfer.js',
  '/js/state/turn-state.js',
  '/js/state/turn.js',
  '/js/trust.js',
  '/js/view/actions.js',
  '/js/view/announce.js',
  '/js/view/chat-list.js',
  '/js/view/composer.js',
  '/js/view/conversation.js',
  '/js/view/dialogs.js',
  '/js/view/health.js',
  '/js/view/images.js',
  '/js/view/message-view.js',
  '/js/view/models.js',
  '/js/view/notify.js',
  '/js/view/queue.js',
  '/js/view/scroll.js',
  '/js/view/settings-dialog.js',
  '/js/view/shortcuts.js',
  '/js/view/theme.js',
  '/js/view/title.js',
  '/js/view/transcript.js',
  '/js/view/tuning-dialog.js',
  '/js/wire/answer.js',
  '/js/wire/api.js',
  '/js/wire/errors.js',
  '/js/wire/ndjson.js',
  '/js/wire/think.js',
  '/manifest.webmanifest',
  '/vendor/dompurify-3.4.18.js',
  '/vendor/idb-keyval-6.3.0.js',
  '/vendor/marked-18.2.1.js',
  '/vendor/streaming-markdown-0.2.15.js',
];
/** What may be kept besides the shell. */
const KEPT = /^\/(css|js|i18n|icons|vendor)\//;

worker.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener('activate', (event) => {
  const old = caches
    .keys()
    .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== 'GET' || origin !== location.origin) return;
  if (pathname.startsWith('/vendor/')) event.respondWith(fromCacheFirst(event.request));
  else if (pathname === '/' || KEPT.test(pathname)) event.respondWith(fromNetworkFirst(event.request));
});

/** @param {Request} request */
async function fromCacheFirst(request) {
  return (await caches.match(request)) ?? fromNetworkFirst(request);
}

/** @param {Request} request */
async function fromNetworkFirst(request) {
  try {
    const response = await fetch(request);
    if (response.ok) {
      const cache = await caches.open(CACHE);
      await cache.put(request, response.clone());
    }
    return response;
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
