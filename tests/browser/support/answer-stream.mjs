//! One scripted answer of the fake server: heartbeats, tokens, and every way to end.

import { refuse } from './fake.mjs';

let tickets = 0;

export class AnswerStream {
  ticket = `${++tickets}-00112233445566778899aabbccddeeff`;
  #response;
  #tokens = 0;

  constructor(response, body) {
    this.#response = response;
    this.body = body;
    this.prompt = body.messages.at(-1)?.content ?? '';
    /** Resolves when the client has left, or when all was sent. */
    this.closed = new Promise((resolve) => response.on('close', resolve));
  }

  get left() {
    return this.#response.destroyed;
  }

  /** The head, as a gated request has it. */
  async begin() {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      'x-queue-ticket': this.ticket,
    });
    this.#response.flushHeaders();
  }

  /** Bytes as they are: a test may cut anywhere. */
  async raw(bytes) {
    await this.begin();
    if (this.left) return;
    await new Promise((resolve) => this.#response.write(bytes, resolve));
  }

  line(value) {
    return this.raw(`${JSON.stringify(value)}\n`);
  }

  place(position, more = {}) {
    const queue = { ticket: this.ticket, position, queued: Math.max(position, 1), active: 4, max: 4, ...more };
    return this.line({ model: 'm', message: { role: 'assistant', content: '' }, done: false, queue });
  }

  async say(...pieces) {
    for (const content of pieces) {
      this.#tokens += 1;
      await this.line({ model: 'm', message: { role: 'assistant', content }, done: false });
    }
  }

  think(thinking) {
    return this.line({ model: 'm', message: { role: 'assistant', content: '', thinking }, done: false });
  }

  async done(more = {}) {
    await this.line({
      model: 'm',
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      eval_count: this.#tokens,
      eval_duration: this.#tokens * 2e7,
      prompt_eval_count: 5,
      load_duration: 1e6,
      total_duration: 1e9,
      ...more,
    });
    this.#response.end();
  }

  /** Ends well-formed, but without `done`. */
  async end() {
    await this.begin();
    this.#response.end();
  }

  /** Breaks the connection. */
  cut() {
    this.#response.destroy();
  }

  async error(message, code) {
    await this.line({ error: message, ...(code && { code }) });
    this.#response.end();
  }

  refuse(status, code, headers) {
    refuse(this.#response, status, code, headers);
  }

  /** Anything at all: a proxy's page, say. */
  respond(status, headers, body) {
    this.#response.writeHead(status, headers).end(body);
  }
}
