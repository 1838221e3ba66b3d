//! `npm run bench:static`: the page's files from Sluice's static component and from nginx, the same folder on this machine.
//!
//! 16 connections fetch the files of the offline shell again and again: as a first load (whole files, in the encoding that
//! a browser asks for) and as a repeated one (304; vendored files are not asked for again). Prints medians of three and
//! ratios; judges nothing. Client and servers share the machine, so the computing time of a server for a request says more
//! than the rate. Needs `cargo xtask build` before, and nginx on PATH.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './support/files.mjs';

const REPO = fileURLToPath(new URL('../..', import.meta.url));
const CONNECTIONS = 16;
const ROUNDS = 3;
const ROUND_MS = 1_500;

const shell = Array.from(
  readFileSync(join(ROOT, 'sw.js'), 'utf8').matchAll(/^ {2}'(\/[^']*)',$/gm),
  ([, path]) => path,
);
const state = mkdtempSync(join(tmpdir(), 'sluice-static-'));

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** nginx as one would set it up for this folder: all cores, gzip made beforehand, versions in names kept for good. */
const nginxConfig = (port) => `
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes ${availableParallelism()};
daemon off;
pid ${state}/nginx.pid;
error_log ${state}/error.log;
events { worker_connections 256; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  gzip_static on;
  gzip_vary on;
  open_file_cache max=1000;
  server {
    listen 127.0.0.1:${port};
    root ${ROOT};
    add_header x-content-type-options nosniff;
    location /vendor/ { add_header cache-control "public, max-age=31536000, immutable"; }
  }
}`;

async function start() {
  const [sluice, nginx] = [await freePort(), await freePort()];
  writeFileSync(join(state, 'nginx.conf'), nginxConfig(nginx));
  const run = (program, args) => spawn(program, args, { cwd: REPO, stdio: 'ignore' });
  const servers = [
    {
      name: 'Sluice',
      port: sluice,
      child: run(
        'target/release/sluice-host',
        ['up', '--from', 'spin.toml', '--listen', `127.0.0.1:${sluice}`].concat(['--state-dir', join(state, 'kv')]),
      ),
    },
    {
      name: 'nginx',
      port: nginx,
      child: run('nginx', ['-p', state, '-e', join(state, 'error.log'), '-c', join(state, 'nginx.conf')]),
    },
  ];
  for (const { name, port } of servers) await up(name, port);
  return servers;
}

async function up(name, port) {
  for (let tries = 0; tries < 200; tries++) {
    const there = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (there) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} does not listen`);
}

/** One connection, one request at a time; what it reads is counted, not kept. */
class Connection {
  #socket;
  #head = '';
  #left = 0;
  #answer = { status: 0, bytes: 0, etag: '' };
  #done = () => {};

  constructor(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
  }

  ask(path, headers) {
    this.#head = '';
    this.#left = 0;
    this.#answer = { status: 0, bytes: 0, etag: '' };
    const fields = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
    return new Promise((resolve) => (this.#done = resolve));
  }

  close() {
    this.#socket.destroy();
  }

  #read(chunk) {
    this.#answer.bytes += chunk.length;
    if (this.#answer.status > 0) {
      this.#left -= chunk.length;
    } else {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.#head.slice(0, end);
      this.#answer.status = Number(head.slice(9, 12));
      this.#answer.etag = /\r\netag: *(.*)/i.exec(head)?.[1] ?? '';
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? (this.#answer.status === 304 ? 0 : NaN));
      if (Number.isNaN(length)) throw new Error(`no content-length in\n${head}`);
      this.#left = length - (this.#head.length - end - 4);
    }
    if (this.#left === 0) this.#done(this.#answer);
  }
}

/** Seconds of computing of a process and its children so far. */
function computed(pid) {
  let ticks = 0;
  for (const one of [pid, ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)]) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    ticks += Number(user) + Number(system);
  }
  return ticks / 100;
}

/** Bytes of one load, and the rate and computing of many at once. */
async function measure({ port, child }, requests, wanted) {
  const first = new Connection(port);
  let bytes = 0;
  for (const [path, headers] of requests) {
    const answer = await first.ask(path, headers);
    if (answer.status !== wanted) throw new Error(`${path}: ${answer.status}, not ${wanted}`);
    bytes += answer.bytes;
  }
  first.close();
  const before = computed(child.pid);
  const begun = performance.now();
  const counts = await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, at) => {
      const connection = new Connection(port);
      let count = 0;
      for (; performance.now() - begun < ROUND_MS; count++) {
        await connection.ask(...requests[(count + at) % requests.length]);
      }
      connection.close();
      return count;
    }),
  );
  const count = counts.reduce((sum, one) => sum + one, 0);
  return {
    requests: requests.length,
    kilobytes: bytes / 1024,
    perSecond: (count * 1000) / (performance.now() - begun),
    microseconds: ((computed(child.pid) - before) * 1e6) / count,
  };
}

async function tags({ port }, paths, headers) {
  const connection = new Connection(port);
  const found = [];
  for (const path of paths)
    found.push([path, { ...headers, 'if-none-match': (await connection.ask(path, headers)).etag }]);
  connection.close();
  return found;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function rounds(server, requests, status) {
  const results = [];
  for (let at = 0; at < ROUNDS; at++) results.push(await measure(server, requests, status));
  return Object.fromEntries(Object.keys(results[0]).map((key) => [key, median(results.map((result) => result[key]))]));
}

const servers = await start();
try {
  const rows = [];
  for (const encoding of ['gzip', 'br, gzip']) {
    const headers = { 'accept-encoding': encoding };
    for (const server of servers) {
      const whole = shell.map((path) => [path, headers]);
      const again = await tags(
        server,
        shell.filter((path) => !path.startsWith('/vendor/')),
        headers,
      );
      rows.push({ load: 'first', encoding, server: server.name, ...(await rounds(server, whole, 200)) });
      rows.push({ load: 'again', encoding, server: server.name, ...(await rounds(server, again, 304)) });
    }
  }
  console.table(
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [
          key,
          typeof value === 'number' ? Math.round(value * 10) / 10 : value,
        ]),
      ),
    ),
  );
  for (const encoding of ['gzip', 'br, gzip']) {
    for (const load of ['first', 'again']) {
      const of = (name) => rows.find((row) => row.load === load && row.encoding === encoding && row.server === name);
      const [ours, theirs] = [of('Sluice'), of('nginx')];
      const ratio = (key) => `${key} ${(ours[key] / theirs[key]).toFixed(2)}`;
      console.log(
        `${encoding}, ${load} load, Sluice / nginx: ${['kilobytes', 'perSecond', 'microseconds'].map(ratio).join(', ')}`,
      );
    }
  }
} finally {
  for (const { child } of servers) child.kill();
  rmSync(state, { recursive: true, force: true });
}
