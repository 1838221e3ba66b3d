//! One request to `/api/chat` as a sequence of events.

import { openChat } from './api.js';
import { ApiError } from './errors.js';
import { CutError, frames } from './ndjson.js';
import { ThinkSplitter } from './think.js';

/**
 * My place in line. `position` 0: it is my turn and the model has not spoken yet.
 * @typedef {{ticket: string, position: number, queued: number, active: number, max: number, etaSeconds?: number,
 *   etaRange?: [number, number], reason?: string, model?: string, ahead?: number,
 *   alternatives?: {model: string, etaSeconds: number}[]}} Place
 *
 * What Ollama counted. Times in milliseconds. `promptCut`: older messages did not fit and were not read; `waited…`: how
 * long it stood in line, and the answers and changes of models that it waited for.
 * @typedef {{tokens: number, evalMs: number, promptTokens: number, loadMs: number, totalMs: number, reason?: string,
 *   promptCut?: boolean, waitedMs?: number, waitedAnswers?: number, waitedModelsMs?: number}} Stats
 *
 * @typedef {{type: 'open', ticket: string}
 *   | {type: 'place', place: Place}
 *   | {type: 'thinking' | 'text', text: string}
 *   | {type: 'done', stats: Stats, model: string}} AnswerEvent
 */

/**
 * Yields `open` first and, if the answer is whole, `done` last.
 * @param {object} body Ollama's chat request
 * @param {AbortSignal} signal
 * @param {number} [silenceMs]
 * @returns {AsyncGenerator<AnswerEvent, void, void>}
 * @throws {ApiError} refused, reported by an error line, or `interrupted` when it broke off
 */
export async function* answer(body, signal, silenceMs) {
  const response = await openChat(body, signal);
  yield { type: 'open', ticket: response.headers.get('x-queue-ticket') ?? '' };
  if (!response.body) throw new ApiError('empty');
  const splitter = new ThinkSplitter();
  try {
    for await (const frame of frames(response.body, silenceMs)) {
      if (frame.error) throw broken(frame);
      if (frame.queue) yield { type: 'place', place: frame.queue };
      const { thinking, content } = frame.message ?? {};
      if (thinking) yield { type: 'thinking', text: thinking };
      if (content) yield* splitter.push(content);
      if (frame.done) {
        yield* splitter.end();
        return yield { type: 'done', stats: stats(frame), model: String(frame.model ?? '') };
      }
    }
  } catch (error) {
    yield* splitter.end();
    throw error instanceof ApiError || signal.aborted ? error : interrupted(error);
  }
  yield* splitter.end();
  throw interrupted(new CutError('the answer ended without done'));
}

/** @param {any} frame */
function broken(frame) {
  const detail = typeof frame.error === 'string' ? frame.error : (frame.error.message ?? '');
  return new ApiError(frame.code ?? 'upstream_error', { status: 200, detail });
}

/** @param {unknown} cause */
const interrupted = (cause) =>
  new ApiError('interrupted', { status: 200, detail: cause instanceof Error ? cause.message : '' });

/**
 * @param {any} frame
 * @returns {Stats}
 */
function stats(frame) {
  const ms = (/** @type {unknown} */ ns) => (typeof ns === 'number' ? ns / 1e6 : 0);
  return {
    tokens: frame.eval_count ?? 0,
    evalMs: ms(frame.eval_duration),
    promptTokens: frame.prompt_eval_count ?? 0,
    loadMs: ms(frame.load_duration),
    totalMs: ms(frame.total_duration),
    reason: frame.done_reason,
    ...(frame.prompt_cut && { promptCut: true }),
    ...waited(frame.waited),
  };
}

/** @param {any} told of the last frame; other servers tell nothing */
function waited(told) {
  if (!Number.isFinite(told?.ms)) return {};
  const changes = Array.isArray(told.changes) ? told.changes : [];
  const sum = changes.reduce((/** @type {number} */ all, /** @type {unknown} */ ms) => all + (Number(ms) || 0), 0);
  return { waitedMs: told.ms, waitedAnswers: Number(told.answers) || 0, waitedModelsMs: sum };
}
