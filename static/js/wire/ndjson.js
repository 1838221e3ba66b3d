//! Newline-delimited JSON from a response body, frame by frame.
//!
//! Chunks end anywhere: inside a character, inside a line, before the last line's end. A body that says
//! nothing for `silenceMs` is given up (the gate sends a heartbeat every 5 s, so 30 s means that it died).

/** A stream that ended or broke before it was complete. */
export class CutError extends Error {}

/** @param {number} ms */
const silence = (ms) => new CutError(`no byte for ${ms / 1000} s`);

/**
 * Yields one parsed value per non-empty line. Cancels the body when the caller stops early.
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} [silenceMs]
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* frames(body, silenceMs = 30_000) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), silenceMs);
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = done ? '' : /** @type {string} */ (lines.pop());
      for (const line of lines) {
        if (line.trim() !== '') yield parse(line);
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {string} line */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    throw new CutError('a line of the answer is not JSON');
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T>}
 */
function within(promise, ms) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(silence(ms)), ms);
  });
  return /** @type {Promise<T>} */ (Promise.race([promise, limit])).finally(() => clearTimeout(timer));
}
