//! What two tabs typed in one conversation at once, into one draft. Pure, and rarely needed.
//!
//! Each began with the same draft. What only one of them has changed is as that one has it; of a text that both have
//! changed, the words of both are kept.

/** @typedef {import('./chat.js').Draft} Draft */
/** @typedef {import('./chat.js').Words} Words */

/**
 * @param {Draft} before with which both began
 * @param {Draft} theirs
 * @param {Draft} mine
 * @returns {Draft}
 */
export function joined(before, theirs, mine) {
  if (mine.edits !== theirs.edits && theirs.edits !== before.edits && mine.edits !== before.edits) {
    return putAside(mine, theirs);
  }
  if (mine.edits !== before.edits) return same(wordsOf(theirs), wordsOf(before)) ? mine : putAside(mine, theirs);
  if (theirs.edits !== before.edits) return same(wordsOf(mine), wordsOf(before)) ? theirs : putAside(theirs, mine);
  return {
    text: textOf(before.text, theirs.text, mine.text),
    images: imagesOf(before.images, theirs.images, mine.images),
    edits: mine.edits,
    aside: same(mine.aside, before.aside) ? theirs.aside : mine.aside,
    sent: same(mine.sent, before.sent) ? theirs.sent : mine.sent,
  };
}

/** One tab edits a question: what the other typed waits until that is over. @param {Draft} edit @param {Draft} other @returns {Draft} */
function putAside(edit, other) {
  const images = [...(edit.aside?.images ?? []), ...other.images];
  const text = textOf('', other.text, edit.aside?.text ?? '');
  return { ...edit, aside: { text, images: Array.from(new Set(images)) } };
}

/** @param {string} before @param {string} theirs @param {string} mine */
function textOf(before, theirs, mine) {
  if (mine === before || (mine !== '' && theirs.includes(mine))) return theirs;
  if (theirs === before || (theirs !== '' && mine.includes(theirs))) return mine;
  // One has sent what both began with, or both have gone on with it.
  if (before !== '' && mine.startsWith(before)) return theirs + mine.slice(before.length);
  if (before !== '' && theirs.startsWith(before)) return mine + theirs.slice(before.length);
  return `${theirs}\n\n${mine}`;
}

/** @param {string[]} before @param {string[]} theirs @param {string[]} mine */
function imagesOf(before, theirs, mine) {
  const gone = before.filter((id) => !theirs.includes(id) || !mine.includes(id));
  return Array.from(new Set([...theirs, ...mine])).filter((id) => !gone.includes(id));
}

/** @param {Draft} draft */
const wordsOf = ({ text, images }) => ({ text, images });

/** @param {unknown} one @param {unknown} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
