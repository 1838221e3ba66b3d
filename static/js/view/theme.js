//! Light, dark, or as the device has it.

import { setting } from '../state/settings.js';

/** The ground of each, for the browser's own bars. */
const GROUND = { light: '#f7f8f7', dark: '#14191b' };

export function applyTheme() {
  const theme = setting('theme');
  const chosen = theme === 'light' || theme === 'dark' ? theme : undefined;
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  for (const meta of /** @type {NodeListOf<HTMLMetaElement>} */ (document.querySelectorAll('meta[name=theme-color]'))) {
    meta.content = GROUND[chosen ?? (meta.media.includes('dark') ? 'dark' : 'light')];
  }
}
