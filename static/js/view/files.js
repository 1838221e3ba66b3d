//! Files that are added to what is being written: images go along as images, text as a quoted block.

import { byId } from '../dom.js';
import { loadMore, t } from '../i18n.js';
import { tokensIn } from '../state/request.js';
import * as announce from './announce.js';
import { isImage, MOST_IMAGES, readImage } from './images.js';

/** A longer one fills every model's context, and the field. */
const MOST_BYTES = 256 * 1024;
/** What is text though its type does not begin with `text/`. */
const TEXT =
  /^application\/(?:json|xml|javascript|x-javascript|ecmascript|yaml|x-yaml|toml|sql|x-sh|rtf|x-httpd-php|x-ndjson)$|^image\/svg\+xml$|\+(?:json|xml)$|^text\//;

/**
 * Adds files to what is being written, and says what it has added and what it leaves out.
 * @param {import('./composer.js').Composer} composer
 * @param {import('../state/conversation.js').Conversation} conversation for which they came
 * @param {File[]} files
 */
export async function addFiles(composer, conversation, files) {
  await loadMore('more');
  const images = files.filter(isImage);
  const data = (await Promise.all(images.map((file) => readImage(file).catch(() => '')))).filter(Boolean);
  const room = Math.max(MOST_IMAGES - conversation.draft.images.length, 0);
  const others = files.filter((file) => !isImage(file));
  const texts = (await Promise.all(others.map(readText))).filter((one) => one !== null);
  for (const one of data.slice(0, room)) conversation.attach(one);
  if (texts.length > 0) composer.append(texts.map(quoted).join('\n\n'), conversation);
  if (conversation !== composer.conversation) return; // another one is shown by now
  composer.focus();
  const unread = files.length - data.length - texts.length;
  const tokens = texts.reduce((sum, { text }) => sum + tokensIn(text), 0);
  const faults = [
    unread > 0 ? t('attach.not_read', { n: unread }) : '',
    data.length > room ? t('attach.too_many', { n: MOST_IMAGES }) : '',
  ];
  const added = [
    texts.length > 0 ? t('attach.text', { n: texts.length, tokens }) : '',
    data.length > 0 ? t('status.images', { n: conversation.draft.images.length }) : '',
  ];
  const note = byId('composer-note');
  note.textContent = [...faults, added[0]].filter(Boolean).join(' ');
  note.hidden = note.textContent === '';
  announce.status(added.filter(Boolean).join(' '));
}

/** @param {File} file @returns {Promise<{name: string, text: string} | null>} null: it is no text, or too long */
async function readText(file) {
  if ((file.type !== '' && !TEXT.test(file.type)) || file.size > MOST_BYTES) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return text.includes('\0') ? null : { name: file.name, text: text.replace(/\r\n?/g, '\n') };
  } catch {
    return null;
  }
}

/** As a block whose fence is longer than any in it. @param {{name: string, text: string}} file */
function quoted({ name, text }) {
  const longest = Math.max(2, ...Array.from(text.matchAll(/^ {0,3}(`{3,})/gm), ([, fence]) => fence.length));
  const fence = '`'.repeat(longest + 1);
  const language = /\.([\w+#-]{1,12})$/.exec(name)?.[1].toLowerCase() ?? '';
  return `${name}:\n\n${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`;
}
