//! The tab's title: what is shown, and in front of it what a hidden tab has to tell.

let base = 'Sluice';
let mark = '';

/** @param {string} text of the shown conversation, or '' */
export function setTitle(text) {
  base = text ? `${text} · Sluice` : 'Sluice';
  draw();
}

/** @param {string} text '' takes it away */
export function setTitleMark(text) {
  mark = text;
  draw();
}

function draw() {
  document.title = mark ? `${mark} · ${base}` : base;
}
