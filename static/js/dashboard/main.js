//! The dashboard: how the line stands and how it went, read every two seconds while one looks.

import { json, request } from '../wire/api.js';
import { askKey } from '../view/dialogs.js';
import { byId, el } from '../dom.js';
import { ApiError } from '../wire/errors.js';
import * as i18n from '../i18n.js';
import { lineOf } from '../view/queue.js';
import { applyTheme } from '../view/theme.js';
import { Chart, shown } from './charts.js';
import { History } from './history.js';
import { refresh as refreshOperate } from './operate.js';
import { parse } from './prometheus.js';
import { breakerWord, classWord, redraw, row } from './rows.js';

const EVERY_MS = 2_000;
const KEEP_MS = 10 * 60_000;
const { t } = i18n;

applyTheme();
await i18n.load(navigator.languages, ['dashboard']);
byId('key').addEventListener('click', () => askKey({ refused: needsKey }, () => void read()));

const past = new History(KEEP_MS);
const charts = makeCharts(byId('charts'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of charts) chart.recolour();
});
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** Whether the server has refused the details for want of a key. */
let needsKey = false;
document.addEventListener('visibilitychange', () => void read());
window.addEventListener('storage', ({ key }) => key === 'sluice.forgotten' && location.reload());
await read();
document.documentElement.dataset.ready = '';

/** Reads once and comes again, unless nobody looks. */
async function read() {
  clearTimeout(timer);
  if (document.hidden) return;
  needsKey = false;
  const locked = (/** @type {unknown} */ error) => {
    needsKey ||= error instanceof ApiError && error.code === 'unauthorized';
    return null;
  };
  const [status, details, samples] = await Promise.all([
    json('/api/queue-status').catch(() => null),
    json('/api/queue').catch(locked),
    request('/metrics')
      .then((response) => response.text())
      .then(parse)
      .catch(locked),
    refreshOperate(),
  ]);
  const queue = details ?? (status && lineOf(status));
  byId('key-note').hidden = !needsKey;
  byId('trouble').hidden = queue !== null;
  past.add({ atMs: Date.now(), queue, samples: samples ?? [] });
  drawNumbers(queue);
  drawClasses(queue?.classes ?? {});
  drawUpstreams(Array.isArray(queue?.upstreams) ? queue.upstreams : []);
  for (const chart of charts) chart.draw(past.points);
  clearTimeout(timer);
  timer = setTimeout(read, EVERY_MS);
}

/** @param {any} queue */
function drawNumbers(queue) {
  byId('active').textContent = queue ? `${queue.active} / ${queue.max}` : '– / –';
  byId('queued').textContent = queue ? shown(queue.queued) : '–';
  byId('service').textContent = seconds(queue?.serviceSeconds);
  byId('estimate').textContent = seconds(queue?.estimatedWaitSeconds);
  const time = new Intl.DateTimeFormat(i18n.locale, { timeStyle: 'medium' }).format(Date.now());
  byId('state').textContent = t('dash.state', { time });
}

/** @param {Record<string, {queued?: number, active?: number}>} classes */
function drawClasses(classes) {
  const told = Object.entries(classes).map(([name, { queued }]) => [classWord(name), shown(queued ?? null)]);
  byId('classes').hidden = told.length === 0;
  redraw('class-rows', told, () => told.map(([name, queued]) => row(name, queued)));
}

/** @param {any[]} upstreams */
function drawUpstreams(upstreams) {
  const told = upstreams.map(({ index, active, max, breaker }) => ({ index, active, max, breaker }));
  const rowOf = (/** @type {any} */ { index, active, max, breaker }, /** @type {number} */ at) => {
    const name = String(breaker).replace('-', '_');
    const state = el('span', { class: 'breaker', 'data-breaker': name }, breakerWord(breaker));
    return row(`#${index ?? at}`, `${active ?? '–'} / ${max ?? '–'}`, state);
  };
  byId('upstreams').hidden = told.length === 0;
  redraw('upstream-rows', told, () => told.map(rowOf));
}

/** @param {unknown} value */
function seconds(value) {
  return typeof value === 'number' ? `${i18n.number(value, { maximumFractionDigits: 1 })} s` : '–';
}

/** @param {HTMLElement} home */
function makeCharts(home) {
  return [
    new Chart(
      home,
      t('dash.chart_line'),
      [
        { label: t('dash.active'), of: ({ active }) => active, colour: '--accent' },
        { label: t('dash.waiting'), of: ({ queued }) => queued, colour: '--warn' },
      ],
      { whole: true },
    ),
    new Chart(home, t('dash.chart_tokens'), [
      { label: t('dash.value'), of: (point) => point.tokensPerSecond, colour: '--good' },
    ]),
    new Chart(home, t('dash.chart_first'), [
      { label: t('dash.value'), of: (point) => point.firstSeconds, colour: '--accent' },
    ]),
    new Chart(home, t('dash.chart_wait'), [
      { label: t('dash.value'), of: (point) => point.waitSeconds, colour: '--warn' },
    ]),
    new Chart(home, t('dash.chart_refused'), [
      { label: t('dash.value'), of: (point) => point.refusedPerMinute, colour: '--bad' },
    ]),
  ];
}
