//! A conversation as one HTML file that needs nothing else: no script, no address, its images inside.

import { el } from '../dom.js';
import { locale, t } from '../i18n.js';
import { drawText } from '../md/text.js';
import { titleOf } from '../state/chat.js';
import { pathOf } from '../state/tree.js';

/** @typedef {import('../state/conversation.js').Conversation} Conversation */
/** @typedef {import('../state/chat.js').Message} Message */

/** Whatever is in the file: nothing is fetched and nothing runs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const STYLE = `
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 17px/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
h2 { font-size: 0.8rem; font-weight: 600; opacity: 0.7; margin: 2rem 0 0.2rem; }
.user { white-space: pre-wrap; padding: 0.6rem 1rem; border-radius: 12px; background: color-mix(in srgb, currentcolor 8%, transparent); }
pre { overflow-x: auto; padding: 0.8rem 1rem; border-radius: 8px; background: color-mix(in srgb, currentcolor 6%, transparent); }
pre, code { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre, code, .math { direction: ltr; unicode-bidi: isolate; }
p, li, td, th { unicode-bidi: plaintext; } ul > .task { list-style: none; }
table { border-collapse: collapse; } td, th { padding: 0.3rem 0.7rem; border: 1px solid color-mix(in srgb, currentcolor 25%, transparent); }
img { max-width: 100%; } blockquote { margin-inline-start: 0; padding-inline-start: 1rem; border-inline-start: 3px solid currentcolor; opacity: 0.8; }
`;

/** @param {Conversation} conversation @returns {Promise<string>} the shown path */
export async function toHtml(conversation) {
  const title = titleOf(conversation.chat) || t('chats.untitled');
  const body = el('body', {}, el('h1', {}, title));
  for (const message of pathOf(conversation.chat)) body.append(...(await partsOf(message, conversation)));
  const head = [
    '<meta charset="utf-8">',
    `<title>${escaped(title)}</title>`,
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<style>${STYLE}</style>`,
  ];
  const html = new XMLSerializer().serializeToString(body);
  return `<!doctype html>\n<html lang="${locale}">\n<head>\n${head.join('\n')}\n</head>\n${html}\n</html>\n`;
}

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** @param {Message} message @param {Conversation} conversation @returns {Promise<HTMLElement[]>} */
async function partsOf(message, conversation) {
  const isUser = message.role === 'user';
  const who = isUser ? t('message.you') : message.model || t('message.model');
  const text = el('div', { class: message.role, dir: 'auto' });
  if (isUser) text.textContent = message.content;
  else await drawText(text, message.content);
  if (text.querySelector('.math')) await (await import('../md/math.js')).drawMath(text);
  for (const button of text.querySelectorAll('button, .code-head')) button.remove();
  const images = await Promise.all((message.images ?? []).map((id) => conversation.image(id).catch(() => undefined)));
  const shown = images.filter(Boolean).map((data) => el('img', { src: `data:image/*;base64,${data}`, alt: '' }));
  return [el('h2', {}, who), ...shown, text];
}
