//! `static/` as the static component serves it: types, caching, and the exact policy headers.

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `SLUICE_STATIC` names the page of another commit: to record what it writes, or to see a new test fail on it. */
export const ROOT = process.env.SLUICE_STATIC ?? fileURLToPath(new URL('../../../static', import.meta.url));

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types dompurify";

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

/** @type {Map<string, Promise<{file: string, bytes: Buffer, etag: string} | null>>} what was read, by path */
const known = new Map();

/** @param {Map<string, string> | null} [release] the files of another one, by their paths */
export async function respondStatic(request, response, pathname, release) {
  if (!release && !known.has(pathname)) known.set(pathname, read(pathname));
  const content = release ? recorded(release, pathname) : await known.get(pathname);
  const headers = {
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'Accept-Encoding',
  };
  if (!content)
    return response
      .writeHead(404, { ...headers, 'content-type': TYPES['.html'] })
      .end(await readFile(join(ROOT, '404.html')));
  const { file, bytes, etag } = content;
  headers['content-type'] = TYPES[extname(file)] ?? 'application/octet-stream';
  headers['cache-control'] = pathname.startsWith('/vendor/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  headers.etag = etag;
  if (request.headers['if-none-match'] === etag) return response.writeHead(304, headers).end();
  response.writeHead(200, headers).end(bytes);
}

async function read(pathname) {
  const path = join(ROOT, normalize(decodeURIComponent(pathname)));
  const file = path.startsWith(ROOT) ? await found(path) : null;
  if (!file) return null;
  return contentOf(file, await readFile(file));
}

function recorded(release, pathname) {
  const file = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
  return release.has(file) ? contentOf(file, Buffer.from(release.get(file))) : null;
}

const contentOf = (file, bytes) => ({
  ...{ file, bytes },
  etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`,
});

async function found(path) {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return path;
  return info?.isDirectory() ? found(join(path, 'index.html')) : null;
}
