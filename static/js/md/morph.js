//! Makes a node's children like those of another, and keeps what is alike: a selection in it survives.

import { isDrawn } from './math.js';

/**
 * @param {Node} node
 * @param {Node} fresh loses what is taken over
 */
export function morph(node, fresh) {
  let there = node.firstChild;
  for (let wanted = fresh.firstChild; wanted;) {
    const [nextThere, nextWanted] = [/** @type {ChildNode | null} */ (there?.nextSibling ?? null), wanted.nextSibling];
    if (!there) node.appendChild(wanted);
    else if (there instanceof Text && wanted instanceof Text) grow(there, wanted.data);
    else if (there instanceof Element && wanted instanceof Element && isAlike(there, wanted)) same(there, wanted);
    else there.replaceWith(wanted);
    there = nextThere;
    wanted = nextWanted;
  }
  while (there) {
    const next = /** @type {ChildNode | null} */ (there.nextSibling);
    there.remove();
    there = next;
  }
}

/** @param {Element} there @param {Element} wanted */
function same(there, wanted) {
  if (isDrawn(there, wanted)) return;
  if (there.classList.contains('math')) there.replaceWith(wanted);
  else morph(there, wanted);
}

/** @param {Text} text @param {string} words */
function grow(text, words) {
  if (words === text.data) return;
  if (words.startsWith(text.data)) text.appendData(words.slice(text.data.length));
  else text.data = words;
}

/** @param {Element} one @param {Element} other the same tag with the same attributes */
function isAlike(one, other) {
  return (
    one.tagName === other.tagName &&
    one.attributes.length === other.attributes.length &&
    Array.from(one.attributes).every(({ name, value }) => other.getAttribute(name) === value)
  );
}
