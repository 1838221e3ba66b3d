//! A small server that behaves like Sluice, as a test wants it: the page with its headers, and the API.
//!
//! The control plane is the object itself: `onChat` scripts the next answers, `line`, `health`, `tags`, `queue` and
//! `metrics` are what the routes say, `requests` is what came. Nothing here waits by the clock.

import { createServer } from 'node:http';
import { respondStatic } from './files.mjs';
import { AnswerStream } from './answer-stream.mjs';

let fakes = 0;

export class Fake {
  requests = [];
  deleted = [];
  /** Streams that a client left, by their request's prompt. */
  aborted = [];
  open = 0;
  line = { activeRequests: 0, queuedRequests: 0, maxConcurrent: 4 };
  health = { status: 'ok', upstreams: [{ index: 0, reachable: true, breaker: 'closed', version: '0.9.0' }] };
  healthStatus = 200;
  tags = { models: [{ name: 'llama3.2:3b' }, { name: 'qwen3:8b' }] };
  queue = null;
  metrics = '';
  /** The page of another release, by the paths of its files; null: today's. @type {Map<string, string> | null} */
  release = null;
  /** Milliseconds that files take, by path. @type {Map<string, number>} */
  late = new Map();
  /** What an operator is told, where there is one. */
  operator = null;
  key = '';
  /** A network that takes everything and brings nothing. */
  silent = false;
  /** A proxy answers, since what it stands for is down. */
  down = false;
  /** @type {(stream: AnswerStream) => unknown} */
  onChat = async (stream) => {
    await stream.say('Hello', ' there', '.');
    await stream.done();
  };

  async start() {
    this.server = createServer((request, response) => {
      this.#route(request, response).catch((error) => response.destroy(error));
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.url = `http://t${++fakes}.localhost:${this.port}`; // an origin that no other test has had
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The bodies of the chats that came. */
  get chats() {
    return this.requests.filter(({ path }) => path === '/api/chat').map(({ body }) => JSON.parse(body));
  }

  async #route(request, response) {
    const { pathname } = new URL(request.url, this.url);
    const body = await text(request);
    this.requests.push({ method: request.method, path: pathname, headers: request.headers, body });
    if (this.silent) return;
    if (this.down) return response.writeHead(502, { 'content-type': 'text/html' }).end('<html><h1>Bad Gateway');
    const routes = {
      'POST /api/chat': () => this.#chat(request, response, body),
      'GET /api/queue-status': () =>
        json(response, this.line ? 200 : 503, this.line ?? { error: 'no store', code: 'store_unavailable' }),
      'GET /api/health': () => json(response, this.healthStatus, this.health),
      'GET /api/tags': () => this.#keyed(request, response, () => json(response, 200, this.tags)),
      'GET /api/queue': () =>
        this.#keyed(request, response, () => json(response, this.queue ? 200 : 404, this.queue ?? {})),
      'GET /api/operator': () =>
        this.#keyed(request, response, () => json(response, this.operator ? 200 : 404, this.operator ?? {})),
      'GET /metrics': () =>
        this.#keyed(request, response, () =>
          response.writeHead(200, { 'content-type': 'text/plain' }).end(this.metrics),
        ),
    };
    const route = routes[`${request.method} ${pathname}`];
    if (route) return route();
    if (pathname.startsWith('/api/operator/')) return this.#keyed(request, response, () => json(response, 200, {}));
    const ticket = /^\/api\/queue\/(.+)$/.exec(pathname)?.[1];
    if (request.method === 'DELETE' && ticket) {
      this.deleted.push(decodeURIComponent(ticket));
      return response.writeHead(204).end();
    }
    if (this.late.has(pathname)) await new Promise((resolve) => setTimeout(resolve, this.late.get(pathname)));
    return respondStatic(request, response, pathname, this.release);
  }

  #keyed(request, response, then) {
    if (this.key && request.headers.authorization !== `Bearer ${this.key}`)
      return refuse(response, 401, 'unauthorized');
    return then();
  }

  async #chat(request, response, body) {
    if (this.key && request.headers.authorization !== `Bearer ${this.key}`)
      return refuse(response, 401, 'unauthorized');
    const stream = new AnswerStream(response, JSON.parse(body));
    this.open += 1;
    response.on('close', () => {
      this.open -= 1;
      if (!response.writableFinished) this.aborted.push(stream.prompt);
    });
    await this.onChat(stream);
  }
}

/** A refusal as Sluice makes it. */
export function refuse(response, status, code, headers = {}) {
  json(response, status, { error: `refused: ${code}`, code, type: 'about:blank', title: code }, headers);
}

export function json(response, status, value, headers = {}) {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
    .end(JSON.stringify(value));
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
