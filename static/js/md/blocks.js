//! Cuts growing Markdown into settled blocks and an open tail. Pure.
//!
//! # Why
//! A settled block is rendered once and never touched again, so the cost of a token does not grow with the answer.
//!
//! # The rule
//! `marked`'s lexer reads left to right. So when it finds a token boundary at a place behind which a new block has
//! visibly begun, the pieces before and after it give, rendered one by one, what the whole gives. Cheap line rules
//! choose the places to ask about; the lexer decides. Each settled text is lexed about once: a refusal backs off
//! until the tail has doubled.
//!
//! # Limits
//! A link definition changes blocks that may be settled already: `hasDefinition` tells, and the caller renders
//! the whole once more at the end.

/** @typedef {import('../../vendor/marked-18.2.1.js').Token} Token */

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const BLANK = /^[ \t]*$/;
/** A line that begins a block of its own after a blank line, whatever follows it. */
const FRESH = /^ {0,3}(?![-+*](\s|$)|\d{1,9}([.)]|$))[^\s<]/;
/** The same for a line that is still growing: its first characters leave no doubt. */
const SURELY_FRESH = /^(\p{L}|\*\*\S)/u;
const DEFINITION = /^[\s>*+\-\d.)]*\[(?!\s*\])[^\]]*\]:/m;

export class BlockCutter {
  #tokens;
  /** The text that is not settled yet. */
  tail = '';
  hasDefinition = false;
  #returnHeld = false;
  /** Where in the tail the first line starts that was not looked at. */
  #at = 0;
  /** The fence that is open, or ''. */
  #fence = '';
  #afterBlank = false;
  /** Tails shorter than this were refused by the lexer before. */
  #askFrom = 0;

  /** @param {(source: string) => Token[]} tokens the lexer whose blocks are to be cut */
  constructor(tokens) {
    this.#tokens = tokens;
  }

  /**
   * @param {string} text
   * @returns {string[]} the blocks that this text has settled
   */
  push(text) {
    this.tail += this.#normal(text);
    /** @type {string[]} */
    const settled = [];
    for (let end; (end = this.tail.indexOf('\n', this.#at)) >= 0;) {
      const start = this.#at;
      this.#at = end + 1;
      this.#line(this.tail.slice(start, end), start, settled);
    }
    if (this.#afterBlank && this.#fence === '' && SURELY_FRESH.test(this.tail.slice(this.#at))) {
      this.#cut(this.#at, this.tail.length, settled);
    }
    return settled;
  }

  /** @returns {string} the last piece */
  finish() {
    const last = this.tail + (this.#returnHeld ? '\n' : '');
    this.hasDefinition ||= DEFINITION.test(last);
    this.tail = '';
    return last;
  }

  /**
   * @param {string} line complete, without its end
   * @param {number} start
   * @param {string[]} settled
   */
  #line(line, start, settled) {
    if (this.#fence !== '') {
      if (!closes(line, this.#fence)) return;
      this.#fence = '';
      this.#cut(this.#at, this.#at, settled);
      return;
    }
    if (BLANK.test(line)) {
      this.#afterBlank = true;
      return;
    }
    const opens = FENCE.exec(line);
    if ((this.#afterBlank && FRESH.test(line)) || opens) this.#cut(start, this.#at, settled);
    this.#afterBlank = false;
    if (opens) this.#fence = opens[1];
  }

  /**
   * Settles the tail up to `place`, if the lexer sees a boundary there.
   * @param {number} place
   * @param {number} known how much of the tail the lexer may look at
   * @param {string[]} settled
   */
  #cut(place, known, settled) {
    if (place === 0 || known < this.#askFrom) return;
    if (!isBoundary(this.#tokens(this.tail.slice(0, known)), known, place)) {
      this.#askFrom = known * 2;
      return;
    }
    const block = this.tail.slice(0, place);
    this.tail = this.tail.slice(place);
    this.#at -= place;
    this.#askFrom = 0;
    this.#afterBlank = false;
    this.hasDefinition ||= DEFINITION.test(block);
    settled.push(block);
  }

  /** Line ends as `marked` sees them; a `\r` at the end waits for what follows. @param {string} text */
  #normal(text) {
    const all = (this.#returnHeld ? '\r' : '') + text;
    this.#returnHeld = all.endsWith('\r');
    return (this.#returnHeld ? all.slice(0, -1) : all).replace(/\r\n?/g, '\n');
  }
}

/**
 * @param {string} line
 * @param {string} fence
 */
function closes(line, fence) {
  const run = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
  return run !== undefined && run[0] === fence[0] && run.length >= fence.length;
}

/**
 * @param {Token[]} tokens of the text that is known
 * @param {number} known its length
 * @param {number} place
 */
function isBoundary(tokens, known, place) {
  let end = 0;
  for (const token of tokens) {
    end += token.raw.length;
    if (end === place) return place < known || isClosedFence(token);
    if (end > place) return false;
  }
  return false;
}

/**
 * The one token that is over without a look at what follows. (The end of the text is a boundary in any case.)
 * @param {import('../../vendor/marked-18.2.1.js').Token} token
 */
function isClosedFence({ type, raw }) {
  const lines = raw.trimEnd().split('\n');
  const opens = FENCE.exec(lines[0]);
  return (
    type === 'code' && opens !== null && lines.length > 1 && closes(/** @type {string} */ (lines.at(-1)), opens[1])
  );
}
