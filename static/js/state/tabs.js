//! What the tabs of one origin tell each other: that a conversation has changed or was removed, and which tab gets an
//! answer that is on its way.

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** A tab that has the answer says so well within this. */
const REPLY_MS = 400;
/** A tab that said so may have been closed since. */
const ASK_AGAIN_MS = 5_000;

/** Events: `changed`, `removed`, `restored`, `cleared`; the conversation's id is the detail. */
export class Tabs extends EventTarget {
  #channel = new BroadcastChannel('sluice.2');
  /** @type {Map<string, {conversation: Conversation, timer: ReturnType<typeof setTimeout>}>} questions that are open */
  #asked = new Map();
  /** Whether this tab gets an answer of the conversation. @type {(id: string) => boolean} */
  answer = () => false;

  constructor() {
    super();
    this.#channel.onmessage = ({ data }) => this.#on(data);
  }

  /** @param {string} id */
  changed(id) {
    this.#post({ type: 'changed', id });
  }

  /** @param {string} id */
  removed(id) {
    this.#post({ type: 'removed', id });
  }

  /** @param {string} id */
  restored(id) {
    this.#post({ type: 'restored', id });
  }

  cleared() {
    this.#post({ type: 'cleared', id: '' });
  }

  /** Finds out whether another tab gets its answer, and goes on asking while it does. @param {Conversation} conversation */
  ask(conversation) {
    const { id } = conversation;
    if (this.#asked.has(id)) return;
    const timer = setTimeout(() => this.#reply(id, false), REPLY_MS);
    this.#asked.set(id, { conversation, timer });
    this.#post({ type: 'ask', id });
  }

  /** @param {string} id @param {boolean} elsewhere */
  #reply(id, elsewhere) {
    const asked = this.#asked.get(id);
    if (!asked) return;
    const { conversation, timer } = asked;
    clearTimeout(timer);
    this.#asked.delete(id);
    if (!conversation.unsure) return;
    conversation.setElsewhere(elsewhere);
    if (elsewhere) setTimeout(() => conversation.unsure && this.ask(conversation), ASK_AGAIN_MS);
  }

  /** @param {{type: string, id: string}} message */
  #on({ type, id }) {
    if (type === 'ask') {
      if (this.answer(id)) this.#post({ type: 'mine', id });
    } else if (type === 'mine') {
      this.#reply(id, true);
    } else {
      this.dispatchEvent(new CustomEvent(type, { detail: id }));
    }
  }

  /** @param {{type: string, id: string}} message */
  #post(message) {
    this.#channel.postMessage(message);
  }
}
