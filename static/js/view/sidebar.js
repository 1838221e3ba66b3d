//! The list's place: beside the conversation, and on a narrow screen a drawer over it, behind which nothing can be reached.

import { byId, find } from '../dom.js';
import { saveSetting, setting } from '../state/settings.js';

const NARROW = matchMedia('(max-width: 760px)');

export function bindSidebar() {
  show(NARROW.matches ? false : setting('sidebar') !== 'closed');
  NARROW.addEventListener('change', () => show(NARROW.matches ? false : setting('sidebar') !== 'closed'));
  byId('menu').addEventListener('click', () => {
    const open = byId('app').dataset.sidebar !== 'open';
    show(open);
    if (!NARROW.matches) saveSetting('sidebar', open ? 'open' : 'closed');
    else if (open) byId('sidebar-close').focus();
  });
  byId('sidebar-close').addEventListener('click', closeDrawer);
  byId('scrim').addEventListener('click', closeDrawer);
  find(byId('sidebar'), '.sidebar-foot').addEventListener('click', closeDrawer);
  byId('sidebar').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !isDrawerOpen()) return;
    event.preventDefault(); // it is for the drawer, not for the answer
    closeDrawer();
  });
}

/** @returns {boolean} whether the list lies over the conversation */
export const isDrawerOpen = () => NARROW.matches && byId('app').dataset.sidebar === 'open';

/** On a narrow screen the list goes when what was wanted of it is there. */
export function closeDrawer() {
  if (!isDrawerOpen()) return;
  show(false);
  byId('menu').focus();
}

/** @param {boolean} open */
function show(open) {
  byId('app').dataset.sidebar = open ? 'open' : 'closed';
  byId('menu').setAttribute('aria-expanded', String(open));
  byId('scrim').hidden = !(open && NARROW.matches);
  byId('stage').inert = open && NARROW.matches;
}
