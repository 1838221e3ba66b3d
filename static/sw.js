//! Offline: the shell of the page, so that one can read one's conversations. Never the API.
//!
//! The network comes first, so that a new version is never mixed with an old one; what it last gave is kept for
//! when it fails. Vendored files carry their version in their name and come from the cache.
//! Runs on secure origins only (https, localhost): elsewhere browsers have no service workers.

/// <reference lib="webworker" />

const CACHE = 'sluice-shell-1';
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const SHELL = [
  '/',
  '/css/base.css',
  '/css/chat.css',
  '/css/hljs.css',
  '/i18n/de.json',
  '/i18n/en.json',
  '/icons/icon.svg',
  '/icons/icon-192.png',
  '/manifest.webmanifest',
  '/js/actions.js',
  '/js/announce.js',
  '/js/answer.js',
  '/js/api.js',
  '/js/app.js',
  '/js/chat.js',
  '/js/chats.js',
  '/js/composer.js',
  '/js/conversation.js',
  '/js/dialogs.js',
  '/js/dom.js',
  '/js/errors.js',
  '/js/health.js',
  '/js/i18n.js',
  '/js/images.js',
  '/js/main.js',
  '/js/md/blocks.js',
  '/js/md/highlight.js',
  '/js/md/render.js',
  '/js/md/stream.js',
  '/js/md/tail.js',
  '/js/merge.js',
  '/js/message-view.js',
  '/js/models.js',
  '/js/ndjson.js',
  '/js/notify.js',
  '/js/plain.js',
  '/js/queue.js',
  '/js/scroll.js',
  '/js/session.js',
  '/js/settings-store.js',
  '/js/settings.js',
  '/js/shortcuts.js',
  '/js/store.js',
  '/js/theme.js',
  '/js/think.js',
  '/js/title.js',
  '/js/transcript.js',
  '/js/transfer.js',
  '/js/trust.js',
  '/js/tuning.js',
  '/js/turn.js',
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
