// A chat backend in the manner of docs like "Concurrent Processing Setup for Ollama Chat": a pool of connections, runner
// options added to each request, and a queue in the memory of one process. Written to be measured beside Sluice; it needs
// nothing but Node.
//
// MAX_CONCURRENT, MAX_QUEUED, OLLAMA_HOST and PORT come from the environment. Such documents leave the queue unbounded;
// MAX_QUEUED is here so that refusing can be compared as well.

import http from "node:http";

const OLLAMA_HOST = new URL(process.env.OLLAMA_HOST ?? "http://127.0.0.1:11434");

const OLLAMA_CONFIG = {
  num_ctx: 4096,
  num_thread: 4,
  num_gpu: 1,
  num_parallel: 4,
  temperature: 0.7,
  top_p: 0.9,
  repeat_penalty: 1.1,
  seed: -1,
};

const QUEUE_CONFIG = {
  maxConcurrent: Number(process.env.MAX_CONCURRENT ?? 4),
  maxQueued: Number(process.env.MAX_QUEUED ?? Infinity),
  timeout: 300_000,
  retryAttempts: 2,
  retryDelay: 1000,
};

const agent = new http.Agent({
  keepAlive: true,
  keepAliveMsecs: 1000,
  maxSockets: Math.max(50, QUEUE_CONFIG.maxConcurrent),
  maxFreeSockets: 10,
});

class RequestQueue {
  active = 0;
  waiting = [];

  get isFull() {
    return this.active >= QUEUE_CONFIG.maxConcurrent && this.waiting.length >= QUEUE_CONFIG.maxQueued;
  }

  enter(task) {
    this.waiting.push(task);
    this.next();
  }

  leave(task) {
    const at = this.waiting.indexOf(task);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  next() {
    while (this.active < QUEUE_CONFIG.maxConcurrent && this.waiting.length > 0) {
      this.active += 1;
      this.waiting.shift()(() => {
        this.active -= 1;
        this.next();
      });
    }
  }
}

const queue = new RequestQueue();

function json(response, status, document) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(document));
}

function forward(response, body, attemptsLeft, release) {
  const options = {
    agent,
    host: OLLAMA_HOST.hostname,
    port: OLLAMA_HOST.port,
    path: "/api/chat",
    method: "POST",
    timeout: QUEUE_CONFIG.timeout,
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
  };
  const asking = http.request(options, (answer) => {
    response.writeHead(answer.statusCode, { "content-type": answer.headers["content-type"], "cache-control": "no-cache" });
    answer.pipe(response);
    answer.once("close", release);
  });
  const hangUp = () => asking.destroy();
  response.once("close", hangUp);
  asking.on("timeout", hangUp);
  asking.on("error", (error) => {
    response.off("close", hangUp);
    if (response.headersSent || response.destroyed || attemptsLeft === 0) {
      release();
      if (response.headersSent) response.destroy();
      else json(response, 502, { error: String(error.message) });
    } else {
      setTimeout(() => forward(response, body, attemptsLeft - 1, release), QUEUE_CONFIG.retryDelay);
    }
  });
  asking.end(body);
}

async function chat(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let asked;
  try {
    asked = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return json(response, 400, { error: "invalid JSON" });
  }
  if (queue.isFull) return json(response, 429, { error: "the queue is full" });
  const { prompt, ...rest } = asked;
  const messages = rest.messages ?? [{ role: "user", content: prompt }];
  const body = JSON.stringify({ ...rest, messages, options: { ...OLLAMA_CONFIG, ...rest.options } });
  const task = (done) => {
    let released = false;
    const release = () => {
      if (!released) done();
      released = true;
    };
    forward(response, body, QUEUE_CONFIG.retryAttempts, release);
  };
  response.once("close", () => queue.leave(task));
  queue.enter(task);
}

const server = http.createServer((request, response) => {
  if (request.method === "POST" && request.url === "/api/chat") {
    chat(request, response).catch(() => response.destroy());
  } else if (request.url === "/api/queue-status") {
    const { active, waiting } = queue;
    json(response, 200, {
      activeRequests: active,
      queuedRequests: waiting.length,
      maxConcurrent: QUEUE_CONFIG.maxConcurrent,
    });
  } else {
    json(response, 404, { error: "not found" });
  }
});
server.requestTimeout = 0;
server.listen(Number(process.env.PORT), "127.0.0.1");
