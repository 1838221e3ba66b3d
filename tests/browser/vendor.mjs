//! Copies the packages that the page ships from node_modules to static/vendor, and checks that they are the same bytes.
//!
//! npm verifies every tarball against the lock file's sha512, so node_modules is what the registry has. The page's
//! own record (name, version, licence, file, sha256) is static/vendor/vendor.json. `--check` writes nothing.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, 'node_modules');
const vendor = join(here, '../../static/vendor');

const LANGUAGES = (
  'bash c cpp csharp css diff dockerfile go ini java javascript json kotlin lua markdown php python ruby rust sql ' +
  'swift typescript xml yaml'
).split(' ');

/** package → [file in the package, name under static/vendor; `*` stands for the version] */
const FILES = {
  marked: [
    ['lib/marked.esm.js', 'marked-*.js'],
    ['LICENSE', 'marked-*.LICENSE'],
  ],
  // Dual-licensed; taken under Apache-2.0, which is the text of this file.
  dompurify: [
    ['dist/purify.min.js', 'dompurify-*.js'],
    ['LICENSE', 'dompurify-*.LICENSE'],
  ],
  temml: [
    ['dist/temml.min.js', 'temml-*.js'],
    ['LICENSE', 'temml-*.LICENSE'],
  ],
  '@highlightjs/cdn-assets': [
    ['es/core.min.js', 'highlight-*/core.js'],
    ...LANGUAGES.map((name) => [`es/languages/${name}.min.js`, `highlight-*/${name}.js`]),
    ['LICENSE', 'highlight-*/LICENSE'],
  ],
  uplot: [
    ['dist/uPlot.iife.min.js', 'uplot-*.js'],
    ['dist/uPlot.min.css', 'uplot-*.css'],
    ['LICENSE', 'uplot-*.LICENSE'],
  ],
};
const LICENCES = { dompurify: 'Apache-2.0' };

/** Every file that should be there, with its bytes. */
export function wanted() {
  return Object.entries(FILES).flatMap(([name, files]) => {
    const { version, license } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
    return files.map(([from, to]) => {
      const bytes = readFileSync(join(modules, name, from));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const entry = {
        file: to.replace('*', version),
        package: name,
        version,
        licence: LICENCES[name] ?? license,
        from,
        sha256,
      };
      return { entry, bytes };
    });
  });
}

/** What is wrong with static/vendor; empty when it is as npm has it. */
export function faults() {
  const files = wanted();
  const found = new Set(listed(vendor));
  const record = found.delete('vendor.json') ? readFileSync(join(vendor, 'vendor.json'), 'utf8') : '';
  const wrong = files
    .filter(({ entry, bytes }) => !(found.delete(entry.file) && bytes.equals(readFileSync(join(vendor, entry.file)))))
    .map(({ entry }) => `${entry.file}: missing, or not the bytes of ${entry.package} ${entry.version}`);
  if (record !== text(files)) wrong.push('vendor.json: not what the packages say');
  return [...wrong, ...Array.from(found, (file) => `${file}: nobody asked for it`)];
}

const text = (files) =>
  `${JSON.stringify(
    files.map(({ entry }) => entry),
    null,
    1,
  )}\n`;

const listed = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => !/\.(br|gz)$/.test(file)); // made by the static component's build

function write() {
  const files = wanted();
  rmSync(vendor, { recursive: true, force: true });
  for (const { entry, bytes } of files) {
    const path = join(vendor, entry.file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  writeFileSync(join(vendor, 'vendor.json'), text(files));
  console.log(`${files.length} files in static/vendor`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!process.argv.includes('--check')) write();
  const wrong = faults();
  for (const line of wrong) console.error(line);
  process.exit(wrong.length === 0 ? 0 : 1);
}
