//! The first stage: what one sees and types into, and the line. The rest (`app.js`) comes right behind it.

import * as i18n from './i18n.js';
import { Composer } from './view/composer.js';
import { HealthBanner } from './view/health.js';
import { QueueIndicator } from './view/queue.js';
import { applyTheme } from './view/theme.js';

applyTheme();
const composer = new Composer();
await i18n.load(navigator.languages);

/** @type {import('./state/library.js').Library | undefined} */
let library;
const queue = new QueueIndicator(() => (library?.busy.length ?? 0) > 0);
const health = new HealthBanner();
queue.poke();
const checked = health.check();

const { start } = await import('./app.js');
library = await start({ composer, queue, health, checked });
document.documentElement.dataset.ready = '';
