//! Before anything is read or drawn: what was forgotten on this device while this tab slept, and the theme that was chosen,
//! so that a dark page does not flash light. No module: it is to come first.

try {
  const forgotten = localStorage.getItem('sluice.forgotten') ?? '';
  if (forgotten !== (sessionStorage.getItem('sluice.forgotten') ?? '')) {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith('sluice.')) sessionStorage.removeItem(key);
    sessionStorage.setItem('sluice.forgotten', forgotten);
  }
  const theme = localStorage.getItem('sluice.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the page looks as the device has it.
}
