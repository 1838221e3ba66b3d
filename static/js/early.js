//! Before anything is drawn: the theme that was chosen, so that a dark page does not flash light. No module: it is to
//! come first.

try {
  const theme = localStorage.getItem('sluice.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the page looks as the device has it.
}
