//! The one place that speaks HTTP. Paths are same-origin; an API key, if there is one, goes along.

import { ApiError, refusal } from './errors.js';

const KEY = 'sluice.key';

/** @returns {string} the API key of this tab, else the one remembered on this device, else '' */
export function apiKey() {
  return read(() => sessionStorage.getItem(KEY)) || read(() => localStorage.getItem(KEY)) || '';
}

/**
 * @param {string} key
 * @param {{remember: boolean}} where
 */
export function saveApiKey(key, { remember }) {
  read(() => sessionStorage.setItem(KEY, key));
  read(() => (remember ? localStorage.setItem(KEY, key) : localStorage.removeItem(KEY)));
}

/**
 * Sends a request and returns the response if it is a success.
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 * @throws {ApiError} for a refusal, and for no answer at all (`offline`, `unreachable`)
 */
export async function request(path, init = {}) {
  const response = await send(path, init);
  if (!response.ok) throw await refusal(response, Date.now());
  return response;
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
export async function json(path, init) {
  const response = await request(path, init);
  return response.json().catch(() => {
    throw new ApiError('upstream_error', { status: response.status });
  });
}

/**
 * Health answers 503 with a body that says why; that is an answer, not a failure.
 * @returns {Promise<any>} the report, or null where the server has none
 */
export async function health() {
  const response = await send('/api/health', {});
  return response.json().catch(() => {
    if (response.status >= 500) throw new ApiError('unreachable'); // a proxy's page
    return null;
  });
}

/**
 * Opens a chat stream. The head is here when this resolves; the body follows.
 * @param {object} body Ollama's chat request
 * @param {AbortSignal} signal
 */
export function openChat(body, signal) {
  return request('/api/chat', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
}

/**
 * Gives up a place or stops a stream. Outlives the page; nobody waits for it.
 * @param {string} ticket
 */
export function leave(ticket) {
  send(`/api/queue/${encodeURIComponent(ticket)}`, { method: 'DELETE', keepalive: true }).catch(() => {});
}

/**
 * @param {string} path
 * @param {RequestInit} init
 */
async function send(path, init) {
  const headers = new Headers(init.headers);
  const key = apiKey();
  if (key) headers.set('authorization', `Bearer ${key}`);
  try {
    return await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'same-origin' });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError(navigator.onLine ? 'unreachable' : 'offline');
  }
}

/**
 * Storage may be forbidden altogether (private windows, policies).
 * @template T
 * @param {() => T} use
 * @returns {T | undefined}
 */
function read(use) {
  try {
    return use();
  } catch {
    return undefined;
  }
}
