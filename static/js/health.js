//! The banner: the upstream is a simulator, or cannot be reached.
//!
//! Looks once at the start, and after trouble again and again with a growing pause until all is well.

import { health } from './api.js';
import { byId } from './dom.js';
import { t } from './i18n.js';

const FIRST_MS = 2_000;
const MOST_MS = 30_000;

/** @typedef {'ok' | 'simulator' | 'down' | 'misconfigured' | 'unreachable'} Verdict */

export class HealthBanner {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #pauseMs = FIRST_MS;
  /** @type {Verdict} */
  verdict = 'ok';

  /** Trouble was seen (or may be over): look now. */
  async check() {
    clearTimeout(this.#timer);
    const verdict = await health().then(judge, () => /** @type {Verdict} */ ('unreachable'));
    this.#show(verdict);
    if (verdict === 'ok' || verdict === 'simulator') {
      this.#pauseMs = FIRST_MS;
      return;
    }
    this.#timer = setTimeout(() => this.check(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, MOST_MS);
  }

  /** @param {Verdict} verdict */
  #show(verdict) {
    this.verdict = verdict;
    const banner = byId('banner');
    banner.hidden = verdict === 'ok';
    banner.dataset.kind = verdict;
    byId('banner-text').textContent = verdict === 'ok' ? '' : t(`banner.${verdict}`);
  }
}

/**
 * A report without the fields that we look for says nothing against the server.
 * @param {any} report
 * @returns {Verdict}
 */
export function judge(report) {
  const upstreams = Array.isArray(report?.upstreams) ? report.upstreams : [];
  if (report?.code === 'misconfigured') return 'misconfigured';
  if (report?.status === 'down') return 'down';
  if (upstreams.length > 0 && upstreams.every((/** @type {any} */ one) => one?.reachable === false)) return 'down';
  return upstreams.some((/** @type {any} */ one) => one?.simulator === true) ? 'simulator' : 'ok';
}
