//! The first stage: what one sees and types into, and the line. The rest (`app.js`) comes right behind it.

import { Composer } from './view/composer.js';
import { HealthBanner } from './view/health.js';
import * as i18n from './i18n.js';
import { QueueIndicator } from './view/queue.js';
import { applyTheme } from './view/theme.js';

applyTheme();
const composer = new Composer();
await i18n.load(navigator.languages).catch(() => {}); // offline: the page's own English stays

/** @type {import('./view/conversation.js').Conversation | undefined} */
let conversation;
const queue = new QueueIndicator(() => conversation?.waiting ?? false);
const health = new HealthBanner();
queue.poke();
void health.check();

const { start } = await import('./app.js');
conversation = await start({ composer, queue, health });
document.documentElement.dataset.ready = '';
