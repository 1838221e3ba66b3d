//! Light, dark, or as the device has it.

import { setting } from '../state/settings.js';

export function applyTheme() {
  const theme = setting('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
