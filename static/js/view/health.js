//! The banner: the upstream cannot be reached, or its operator has a word to say.
//!
//! Looks at the start and now and then, since an operator may put up a notice, and after trouble again and again with a growing
//! pause until all is well.

import { health } from '../wire/api.js';
import { byId } from '../dom.js';
import { t } from '../i18n.js';
import { saveSetting, setting } from '../state/settings.js';

const FIRST_MS = 2_000;
const MOST_MS = 30_000;
/** How often a page that is looked at asks while all is well. */
const WELL_MS = 60_000;

/** @typedef {'ok' | 'note' | 'down' | 'no_store' | 'misconfigured' | 'unreachable'} Verdict */

/** Verdicts with which one can chat. */
const WELL = ['ok', 'note'];

/** Events: `report`, with what the server says of itself as detail. */
export class HealthBanner extends EventTarget {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #pauseMs = FIRST_MS;
  /** What was read last. @type {any} */
  report;

  constructor() {
    super();
    byId('banner-close').addEventListener('click', () => {
      saveSetting('note', byId('banner-text').textContent ?? '');
      byId('banner').hidden = true;
      byId('composer-text').focus({ preventScroll: true });
    });
  }

  /** Trouble was seen (or may be over): look now. */
  async check() {
    clearTimeout(this.#timer);
    const report = await health().catch(() => undefined);
    this.report = report ?? this.report;
    if (report) this.dispatchEvent(new CustomEvent('report', { detail: report }));
    // The server answers nothing under this name: no part of the page would work.
    const elsewhere = report?.code === 'host_not_allowed';
    byId('app').hidden = elsewhere;
    byId('only').hidden = !elsewhere;
    if (elsewhere) void this.#tellElsewhere(report.error);
    const verdict = report === undefined ? 'unreachable' : judge(report);
    this.#show(verdict, verdict === 'note' ? noteOf(report) : t(`banner.${verdict}`));
    if (WELL.includes(verdict)) {
      this.#pauseMs = FIRST_MS;
      this.#timer = setTimeout(() => (document.hidden ? this.#whenSeen() : this.check()), WELL_MS);
      return;
    }
    this.#timer = setTimeout(() => this.check(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, MOST_MS);
  }

  /** @param {string} error the server's own sentence */
  async #tellElsewhere(error) {
    byId('only-text').textContent = error;
    const { errorText } = await import('./error-card.js');
    byId('only-title').textContent = await errorText('host_not_allowed', false);
  }

  /** Nobody looks: the next look is due when somebody does. */
  #whenSeen() {
    document.addEventListener('visibilitychange', () => void this.check(), { once: true });
  }

  /** @param {Verdict} verdict @param {string} text */
  #show(verdict, text) {
    const banner = byId('banner');
    // An operator's word that one has read need not stand there for ever; another one is shown.
    banner.hidden = verdict === 'ok' || (verdict === 'note' && setting('note') === text);
    banner.dataset.kind = verdict;
    byId('banner-close').hidden = verdict !== 'note';
    byId('banner-text').textContent = verdict === 'ok' ? '' : text;
  }
}

/**
 * A report without the fields that we look for says nothing against the server.
 * @param {any} report
 * @returns {Verdict}
 */
export function judge(report) {
  const upstreams = Array.isArray(report?.upstreams) ? report.upstreams : [];
  if (report?.code === 'misconfigured' || Array.isArray(report?.misconfigured)) return 'misconfigured';
  if (report?.store === 'unavailable') return 'no_store';
  if (report?.status === 'down') return 'down';
  if (upstreams.length > 0 && upstreams.every((/** @type {any} */ one) => one?.reachable === false)) return 'down';
  return noteOf(report) === '' ? 'ok' : 'note';
}

/** What the operator has to say: of this hour, and of the server as it is. @param {any} report */
const noteOf = (report) =>
  [report?.notice, report?.note].filter((text) => typeof text === 'string' && text !== '').join(' ');
