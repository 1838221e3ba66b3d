//! Keeps the transcript at its end while it grows, unless the reader has gone elsewhere.
//!
//! Every scroll that this file makes is written down; any other that moves up is the reader's and lets go. The
//! reader is followed again once back at the end, or by the button. After an answer is done nothing moves.

const NEAR_PX = 48;

export class ScrollKeeper {
  #box;
  #jump;
  #pinned = true;
  /** Where our own last scroll went. */
  #wrote = -1;
  #lastTop = 0;
  #lastHeight = 0;

  /**
   * @param {HTMLElement} box what scrolls
   * @param {HTMLElement} jump the "latest" button
   */
  constructor(box, jump) {
    this.#box = box;
    this.#jump = jump;
    box.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    for (const type of ['wheel', 'touchmove', 'keydown']) {
      box.addEventListener(type, (event) => this.#onIntent(event), { passive: true });
    }
    jump.addEventListener('click', () => {
      this.pin({ smooth: true });
      box.focus({ preventScroll: true }); // the button goes
    });
    new ResizeObserver(() => this.follow()).observe(box);
  }

  get pinned() {
    return this.#pinned;
  }

  /** Goes to the end and stays there. @param {{smooth?: boolean}} [how] */
  pin({ smooth = false } = {}) {
    this.#pinned = true;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#write(smooth && !calm ? 'smooth' : 'instant');
    this.#mark(false);
  }

  /** The transcript has grown (or shrunk). */
  follow() {
    if (this.#pinned) this.#write('instant');
    else this.#mark(true);
  }

  /** Another conversation: start at its end. */
  reset() {
    this.pin();
    this.#jump.hidden = true;
  }

  /** @param {ScrollBehavior} behavior */
  #write(behavior) {
    const top = this.#box.scrollHeight - this.#box.clientHeight;
    if (behavior === 'instant' && Math.abs(this.#box.scrollTop - top) < 1) return;
    this.#wrote = top;
    this.#box.scrollTo({ top, behavior });
  }

  #onScroll() {
    const { scrollTop, scrollHeight } = this.#box;
    const shrunk = scrollHeight < this.#lastHeight;
    const up = scrollTop < this.#lastTop - 1;
    const mine = Math.abs(scrollTop - this.#wrote) < 2;
    this.#lastTop = scrollTop;
    this.#lastHeight = scrollHeight;
    if (this.#atEnd()) {
      this.#pinned = true;
      this.#mark(false);
    } else if (up && !mine && !shrunk) {
      this.#release();
    }
    this.#jump.hidden = this.#pinned || this.#atEnd();
  }

  /**
   * Going up lets go before the scroll event comes, so that the next token cannot pull the reader back.
   * @param {Event} event
   */
  #onIntent(event) {
    if (scrollsInside(/** @type {Element} */ (event.target), this.#box, event)) return;
    const up =
      (event instanceof WheelEvent && event.deltaY < 0 && !event.ctrlKey) ||
      (event instanceof KeyboardEvent && ['PageUp', 'ArrowUp', 'Home'].includes(event.key) && !isField(event.target));
    if (up && this.#box.scrollTop > 0) this.#release();
    if (event.type === 'touchmove' && !this.#atEnd()) this.#release();
  }

  #release() {
    this.#pinned = false;
    this.#jump.hidden = this.#atEnd();
  }

  #atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    return scrollHeight - clientHeight - scrollTop <= (this.#pinned ? NEAR_PX : 2);
  }

  /** @param {boolean} unseen */
  #mark(unseen) {
    this.#jump.toggleAttribute('data-unseen', unseen);
    this.#jump.hidden = this.#pinned || this.#atEnd();
  }
}

/** @param {EventTarget | null} target */
const isField = (target) => target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;

/**
 * Whether an inner box (code, a table) takes this wheel movement.
 * @param {Element} target
 * @param {HTMLElement} box
 * @param {Event} event
 */
function scrollsInside(target, box, event) {
  if (!(event instanceof WheelEvent)) return false;
  for (let node = target; node && node !== box; node = /** @type {Element} */ (node.parentElement)) {
    if (
      node.scrollHeight > node.clientHeight + 1 &&
      node.scrollTop > 0 &&
      /auto|scroll/.test(getComputedStyle(node).overflowY)
    ) {
      return true;
    }
  }
  return false;
}
