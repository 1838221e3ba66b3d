//! Text without Markdown: what is shown when the renderer cannot be fetched. It has the renderer's form.

/** @param {HTMLElement} root @param {string} text */
export function drawWhole(root, text) {
  if (text !== '') new StreamRenderer(root).push(text);
}

export class StreamRenderer {
  #text = new Text();
  #onDrawn;

  /** @param {HTMLElement} root @param {() => void} [onDrawn] */
  constructor(root, onDrawn = () => {}) {
    const box = document.createElement('div');
    box.className = 'plain';
    box.append(this.#text);
    root.append(box);
    this.#onDrawn = onDrawn;
  }

  /** @param {string} text */
  push(text) {
    this.#text.appendData(text);
    this.#onDrawn();
  }

  finish() {}
}
