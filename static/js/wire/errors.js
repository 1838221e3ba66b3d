//! What can go wrong, by one word each: the `code` of a refusal, or what its absence leaves us to guess.
//!
//! The page switches on `code`, never on the status alone (503 has four meanings). `WAYS` says for each code
//! which way on is offered; the sentences are in `i18n/`, under `error.<code>`.

/** @typedef {'retry' | 'wait' | 'key' | 'health' | 'model' | 'edit'} Way */

/** @type {Readonly<Record<string, Way>>} */
export const WAYS = Object.freeze({
  invalid_json: 'edit',
  invalid_request: 'edit',
  invalid_option: 'edit',
  prompt_too_long: 'edit',
  body_stalled: 'retry',
  body_too_large: 'edit',
  foreign_origin: 'edit',
  host_not_allowed: 'edit',
  unauthorized: 'key',
  not_exposed: 'edit',
  operator_only: 'edit',
  model_not_found: 'model',
  model_not_allowed: 'model',
  cloud_not_allowed: 'model',
  queue_full: 'wait',
  rate_limited: 'wait',
  overloaded: 'wait',
  upstream_busy: 'wait',
  upstream_down: 'health',
  store_unavailable: 'health',
  unreachable: 'health',
  misconfigured: 'health',
  upstream_error: 'retry',
  upstream_timeout: 'retry',
  queue_timeout: 'retry',
  cancelled: 'retry',
  incomplete_answer: 'retry',
  offline: 'retry',
  interrupted: 'retry',
  empty: 'retry',
});

/** What a status means when the body has no `code` (a proxy's HTML page, Ollama's own error). */
const BY_STATUS = /** @type {Readonly<Record<number, string>>} */ (
  Object.freeze({
    400: 'invalid_request',
    401: 'unauthorized',
    403: 'not_exposed',
    404: 'model_not_found',
    408: 'body_stalled',
    413: 'body_too_large',
    429: 'queue_full',
    502: 'upstream_error',
    503: 'upstream_down',
    504: 'upstream_timeout',
  })
);

/** A request that failed. `code` is always one of `WAYS`; `detail` is the server's own sentence, if any. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {{status?: number, detail?: string, retryAfterMs?: number}} [more]
   */
  constructor(code, { status = 0, detail = '', retryAfterMs = 0 } = {}) {
    super(detail || code);
    this.code = Object.hasOwn(WAYS, code) ? code : 'upstream_error';
    this.status = status;
    this.detail = detail;
    this.retryAfterMs = retryAfterMs;
    /** When that is over, `performance.now()`. */
    this.retryAt = performance.now() + retryAfterMs;
  }
}

/**
 * Reads a refusal. Never throws: a body that is not what was promised is an error with less detail.
 * @param {Response} response
 * @param {number} nowMs
 */
export async function refusal(response, nowMs) {
  const text = await response.text().catch(() => '');
  const { code, detail } = describe(text, response.status);
  return new ApiError(code || guess(response.status, detail), {
    status: response.status,
    detail,
    retryAfterMs: retryAfter(response.headers.get('retry-after'), nowMs),
  });
}

/**
 * `Retry-After` in milliseconds from now: seconds or an HTTP date; 0 when absent or nonsense; an hour at most.
 * @param {string | null} value
 * @param {number} nowMs
 */
export function retryAfter(value, nowMs) {
  if (!value) return 0;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : 0;
}

/** @param {string} text @param {number} status */
function describe(text, status) {
  try {
    const body = JSON.parse(text);
    const inner = typeof body.error === 'object' && body.error !== null ? body.error : body;
    const detail = [inner.message, body.error, body.detail].find((part) => typeof part === 'string') ?? '';
    const code = typeof inner.code === 'string' ? inner.code : '';
    return { code: Object.hasOwn(WAYS, code) ? code : '', detail };
  } catch {
    // The server answers in JSON: this is a proxy's page, since the server does not answer.
    return { code: status >= 502 ? 'unreachable' : '', detail: '' };
  }
}

/**
 * Ollama's own 503 says "server busy": its queue is full, it is not down.
 * @param {number} status
 * @param {string} detail
 */
function guess(status, detail) {
  if (status === 503 && /busy|maximum pending/i.test(detail)) return 'upstream_busy';
  if (status >= 400 && status < 500 && !(status in BY_STATUS)) return 'invalid_request';
  return BY_STATUS[status] ?? 'upstream_error';
}
