//! One chart and its twin, a table with the same values.

import { el, find, fromTemplate } from '../dom.js';
import { apply, locale, number, t } from '../i18n.js';

/** @typedef {import('./history.js').Point} Point */
/** @typedef {{label: string, of: (point: Point) => number | null, colour: string}} Series */

const HEIGHT = 180;
/** The table has the latest values; all of them would be hundreds of rows. */
const ROWS = 20;

/** Steps of an axis of people. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500];

export class Chart {
  #series;
  #whole;
  #box;
  #rows;
  #none;
  #at;
  /** @type {uPlot | undefined} */
  #plot;

  /**
   * @param {HTMLElement} home
   * @param {string} title
   * @param {Series[]} series colours are names of custom properties
   * @param {{whole?: boolean}} [kind] whole: the values are people, who come and go one by one
   */
  constructor(home, title, series, { whole = false } = {}) {
    this.#series = series;
    this.#whole = whole;
    const figure = fromTemplate('chart');
    apply(figure);
    this.#box = find(figure, '.plot');
    this.#rows = find(figure, 'tbody');
    this.#none = find(figure, '.none');
    this.#at = el('span', { class: 'at' });
    find(figure, 'figcaption').append(title, ...(series.length > 1 ? series.map(keyOf) : []), this.#at);
    find(figure, 'summary').textContent = t('dash.table', { chart: title });
    const head = [t('dash.time'), ...series.map(({ label }) => label)];
    find(figure, 'thead tr').append(...head.map((text) => el('th', { scope: 'col' }, text)));
    find(figure, '.scroll').setAttribute('aria-label', title);
    home.append(figure);
    new ResizeObserver(() => this.#resize()).observe(this.#box);
  }

  /** @param {Point[]} points */
  draw(points) {
    const values = this.#series.map(({ of }) => points.map(of));
    const empty = values.every((list) => list.every((value) => value === null));
    this.#none.hidden = !empty;
    this.#box.hidden = empty;
    if (!empty) this.#drawPlot([points.map(({ atMs }) => atMs / 1000), ...values]);
    this.#drawTable(points.slice(-ROWS).reverse());
  }

  /** The colours have changed. */
  recolour() {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  /** @param {any} data times and one list per series */
  #drawPlot(data) {
    if (this.#plot) this.#plot.setData(data);
    else this.#plot = new uPlot(this.#options(), data, this.#box);
  }

  #options() {
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => resolved(style.getPropertyValue(name));
    const axis = { stroke: colour('--ink-soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    const time = new Intl.DateTimeFormat(locale, {
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
    return {
      width: this.#box.clientWidth,
      height: HEIGHT,
      padding: /** @type {[number, number, number, number]} */ ([8, 24, 0, 0]),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      hooks: { setCursor: [(/** @type {uPlot} */ plot) => this.#tell(plot)] },
      scales: {
        y: {
          range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ max) =>
            /** @type {[number, number]} */ ([0, Math.max(max * 1.1, 1)]),
        },
      },
      axes: [
        {
          ...axis,
          space: 90,
          size: 28,
          values: (/** @type {any} */ _, /** @type {number[]} */ all) => all.map((at) => time.format(at * 1000)),
        },
        {
          ...axis,
          size: 44,
          ...(this.#whole && { incrs: WHOLE }),
          values: (/** @type {any} */ _, /** @type {number[]} */ all) => all.map((value) => number(value)),
        },
      ],
      series: [
        {},
        ...this.#series.map(({ label, colour: name }) => ({
          label,
          stroke: colour(name),
          width: 2,
          points: { show: false },
          ...(this.#whole && { paths: uPlot.paths.stepped?.({ align: 1 }) }),
        })),
      ],
    };
  }

  /** The values under the pointer; the table has them for everybody else. @param {uPlot} plot */
  #tell({ cursor, data }) {
    const { idx } = cursor;
    if (idx === null || idx === undefined) return void (this.#at.textContent = '');
    const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
    const values = this.#series.map(({ label }, index) => `${label} ${shown(data[index + 1][idx] ?? null)}`);
    this.#at.textContent = [time.format(data[0][idx] * 1_000), ...values].join(' · ');
  }

  /** @param {Point[]} points */
  #drawTable(points) {
    const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
    const row = (/** @type {Point} */ point) => {
      const cells = this.#series.map(({ of }) => el('td', {}, shown(of(point))));
      const node = el('tr', {}, el('th', { scope: 'row' }, time.format(point.atMs)), ...cells);
      node.dataset.at = String(point.atMs);
      return node;
    };
    // What is there stays: somebody may have selected it, or a screen reader may read it.
    const wanted = new Set(points.map(({ atMs }) => String(atMs)));
    const there = new Set();
    for (const node of /** @type {HTMLElement[]} */ (Array.from(this.#rows.children))) {
      if (wanted.has(node.dataset.at ?? '')) there.add(node.dataset.at);
      else node.remove();
    }
    this.#rows.prepend(...points.filter(({ atMs }) => !there.has(String(atMs))).map(row));
  }

  #resize() {
    const width = this.#box.clientWidth;
    if (this.#plot && width > 0) this.#plot.setSize({ width, height: HEIGHT });
  }
}

/** @param {number | null} value */
export const shown = (value) => (value === null ? '–' : number(value, { maximumFractionDigits: 2 }));

/** Which line is whose. @param {Series} series */
function keyOf({ label, colour }) {
  const line = el('i');
  line.style.background = `var(${colour})`;
  return el('span', { class: 'key' }, line, label);
}

/** A canvas does not know `light-dark()`: the style of an element does. @param {string} colour */
function resolved(colour) {
  const probe = el('span', { hidden: '' });
  probe.style.color = colour;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
