//! What an operator does, for whoever has shown an operator's key: the notice, drain and resume, the end of a request, and what the
//! server says misleads. Drawn anew only where something has changed, so that a selection and the focus stay.

import { ApiError } from '../wire/errors.js';
import { apiKey, health, json } from '../wire/api.js';
import { byId, el } from '../dom.js';
import { t } from '../i18n.js';
import { breakerWord, classWord, redraw, row } from './rows.js';

/** A key that is none of an operator's: it need not be tried again. */
let refusedKey = '';
/** The notice as it was told last. */
let told = '';

byId('notice-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void order('notice', { text: /** @type {HTMLInputElement} */ (byId('notice')).value });
});
byId('operate').addEventListener('click', (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest('button');
  const { order: name, upstream, ticket } = button?.dataset ?? {};
  if (ticket) void send(`requests/${ticket}`, { method: 'DELETE' });
  else if (name) void order(name, upstream ? { upstream: Number(upstream) } : {});
});

/** Reads how it stands, if an operator looks. */
export async function refresh() {
  const key = apiKey();
  const [standing, report] =
    key && key !== refusedKey
      ? await Promise.all([json('/api/operator').catch((error) => noted(error, key)), health().catch(() => null)])
      : [null, null];
  if (standing === undefined) return; // one reading that fails takes nothing away: somebody may be writing
  byId('operate').hidden = standing === null;
  if (standing === null) return;
  const notice = /** @type {HTMLInputElement} */ (byId('notice'));
  if (notice.value === told) notice.value = standing.notice ?? ''; // what is half typed stays
  told = standing.notice ?? '';
  redraw('operate-upstreams', standing.upstreams, () => standing.upstreams.map(upstreamRow));
  const requests = [...standing.running, ...standing.waiting];
  redraw('operate-requests', requests, () => requests.map(requestRow));
  const warnings = report?.warnings ?? [];
  redraw('warnings', warnings, () => warnings.map(warning));
}

/** @param {unknown} error @param {string} key @returns {null | undefined} null: whoever looks is no operator */
function noted(error, key) {
  if (!(error instanceof ApiError && [401, 403, 404].includes(error.status ?? 0))) return undefined;
  refusedKey = key;
  return null;
}

/** @param {any} upstream */
function upstreamRow({ index, address, active, max, breaker, drained }) {
  const name = drained ? 'resume' : 'drain';
  const word = drained ? t('dash.resume') : t('dash.drain');
  return row(
    `#${index} ${address}`,
    `${active} / ${max}`,
    drained ? t('dash.drained') : breakerWord(breaker),
    button(word, `${word} #${index}`, { order: name, upstream: index }),
  );
}

/** @param {any} request */
function requestRow({ ticket, client, class: of, upstream, position }) {
  const where = position === undefined ? t('dash.runs', { upstream }) : t('dash.position', { n: position });
  const end = button(t('dash.end'), t('dash.end_label', { ticket }), { ticket });
  return row(ticket, client ?? t('dash.unnamed'), classWord(of), where, end);
}

/** @param {any} warning */
function warning({ text, setting }) {
  const change = setting ? [el('br'), el('code', {}, t('dash.setting', { setting }))] : [];
  return el('li', {}, text, ...change);
}

/** @param {string} text @param {string} label @param {Record<string, unknown>} data */
function button(text, label, data) {
  const attributes = Object.entries(data).map(([name, value]) => [`data-${name}`, String(value)]);
  return el('button', { type: 'button', 'aria-label': label, ...Object.fromEntries(attributes) }, text);
}

/** @param {string} name @param {object} body */
function order(name, body) {
  return send(name, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** @param {string} path @param {RequestInit} init */
async function send(path, init) {
  const fault = byId('operate-fault');
  fault.textContent = '';
  await json(`/api/operator/${path}`, init).catch((error) => {
    fault.textContent = t('dash.fault', { why: error instanceof Error ? error.message : String(error) });
  });
  await refresh();
}
