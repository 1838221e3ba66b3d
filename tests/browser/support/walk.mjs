//! A random walk over everything that somebody can do to a conversation, with one rule: what is on the screen is what is
//! there after a reload, and is all that was not deleted.
//!
//! Every word that is typed and every answer carries a token of its own. Where each may be at a moment is known by
//! looking: at the fields and messages of the open tabs, and at the records. A token that is in none of them is lost; one
//! of a deleted conversation that is in any of them has come back.

import assert from 'node:assert/strict';
import { fillIn, hide, until } from './browser.mjs';

/** Numbers from a seed: the same walk each time. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TOKEN = /\b[wa]\d+x\b/g;
/** Records come as JSON, where the end of a line is two signs. */
const tokensOf = (text) => new Set(text.replaceAll('\\n', ' ').match(TOKEN) ?? []);

/** How the server answers, one of these each time. */
const MODES = {
  quick: async (stream, token) => {
    await stream.say(`${token} `, 'is the answer.');
    await stream.done();
  },
  markdown: async (stream, token) => {
    await stream.say(`# ${token}\n\n- one\n`, '- **two**\n');
    await stream.done();
  },
  slow: async (stream, token, pause) => {
    await stream.say(`${token} `);
    for (let piece = 0; piece < 5; piece++) await pause().then(() => stream.say('more '));
    await stream.done();
  },
  queued: async (stream, token, pause) => {
    for (const place of [2, 1, 0]) await stream.place(place).then(pause);
    await stream.say(token);
    await stream.done();
  },
  limited: async (stream, token) => {
    await stream.say(`${token} and`);
    await stream.done({ done_reason: 'length' });
  },
  cut: async (stream, token, pause) => {
    await stream.say(`${token} half `);
    await pause();
    stream.cut();
  },
  full: async (stream) => stream.refuse(429, 'queue_full', { 'retry-after': '1' }),
  late: async (stream, _, pause) => pause().then(() => stream.refuse(503, 'upstream_busy')),
  wordless: async (stream) => stream.error('the line moved too slowly', 'queue_timeout'),
};

export class Walk {
  #random;
  #tokens = 0;
  /** @type {import('playwright-core').Page[]} */
  #tabs = [];
  /** What must be somewhere. */
  expected = new Set();
  /** What was in messages that were deleted: another tab may show it a moment longer. */
  #excused = new Set();
  /** What must be nowhere. */
  deleted = new Set();
  log = [];
  mode = 'quick';

  constructor(seed, { page, fake, open, context }) {
    this.#random = randomFrom(seed);
    Object.assign(this, { fake, open, context });
    this.#tabs = [page];
    const pause = () => new Promise((resolve) => setTimeout(resolve, 40 + this.#random() * 200));
    fake.onChat = (stream) => MODES[this.mode](stream, this.#token('a'), pause).catch(() => {});
  }

  #token(kind) {
    return `${kind}${++this.#tokens}x`;
  }

  #pick(list) {
    return list[Math.floor(this.#random() * list.length)];
  }

  get page() {
    return this.#tabs.at(-1);
  }

  /** One step, and what holds after it. */
  async step() {
    const [name] = this.#pick(STEPS);
    this.log.push(name);
    await this[name]();
    await this.#see();
  }

  async type() {
    const token = this.#token('w');
    const field = this.page.locator('#composer-text');
    await field.focus();
    await this.page.keyboard.press('End');
    await this.page.keyboard.type(`${token} `, { delay: this.#random() * 30 });
    this.expected.add(token);
  }

  async send() {
    await this.page.press('#composer-text', 'Enter');
  }

  async ask() {
    await this.type();
    await this.send();
  }

  async wait() {
    await this.page.waitForTimeout(this.#random() * 700);
  }

  async server() {
    this.mode = this.#pick(Object.keys(MODES));
    this.log.push(`= ${this.mode}`);
  }

  async stop() {
    if ((await this.page.getAttribute('#send', 'data-mode')) === 'stop') await this.page.click('#send');
  }

  async create() {
    await this.page.click('#new-chat');
  }

  async change() {
    await this.#clickOne('.chat-open');
  }

  async retry() {
    await this.#clickOne('.message [data-action="retry"]');
  }

  async goOn() {
    await this.#clickOne('[data-action="continue"], .card-way');
  }

  async version() {
    await this.#clickOne('.versions [data-step]:not(:disabled)');
  }

  async edit() {
    await this.#clickOne('.message.user [data-action="edit"]');
  }

  async cancelEdit() {
    if (!(await this.page.locator('#edit-cancel').isVisible())) return;
    const typed = tokensOf(await this.page.inputValue('#composer-text'));
    await this.page.click('#edit-cancel');
    for (const token of typed) this.expected.delete(token);
  }

  async removeMessage() {
    const id = await this.#clickOne('.message [data-action="delete"]', (button) => {
      const message = button.closest('.message');
      return message.querySelector('.text').textContent;
    });
    const gone = tokensOf(id ?? '');
    for (const token of gone) this.#excused.add(token);
    for (const token of gone) this.expected.delete(token);
    if (id === undefined || this.#random() < 0.5) return;
    await this.page.click('#undo');
    for (const token of gone) this.#excused.delete(token);
  }

  async removeConversation() {
    const count = await this.page.locator('.chat-item').count();
    if (count === 0) return;
    const item = this.page.locator('.chat-item').nth(Math.floor(this.#random() * count));
    const id = await item.getAttribute('data-id');
    await item.hover();
    await item.locator('[data-action="remove"]').click();
    await this.page.locator('#ask-dialog').waitFor();
    const gone = await this.#tokensIn(id);
    await this.page.click('#ask-yes');
    const back = this.#random() < 0.3 && (await this.#undone(item, id));
    if (back) return;
    for (const token of gone.messages) this.deleted.add(token);
    for (const token of [...gone.messages, ...gone.typed]) this.expected.delete(token);
  }

  async #undone(item, id) {
    await until(async () => (await this.page.locator(`.chat-item[data-id="${id}"]`).count()) === 0, 'it is gone');
    await this.page.click('#undo');
    await until(async () => (await this.page.locator(`.chat-item[data-id="${id}"]`).count()) === 1, 'it is back');
    return true;
  }

  async hide() {
    await hide(this.page, true);
    await hide(this.page, false);
  }

  async offline() {
    await this.context.setOffline(true);
    await this.page.waitForTimeout(this.#random() * 400);
    await this.context.setOffline(false);
  }

  async secondTab() {
    if (this.#tabs.length > 1) {
      await this.page.close({ runBeforeUnload: false });
      this.#tabs.pop();
      await this.hide(); // one comes back to the other tab
      await this.page.waitForTimeout(150);
    } else {
      this.#tabs.push(await this.open(await this.page.evaluate(() => location.pathname + location.hash)));
    }
  }

  /** What is seen is what is there after a reload. */
  async reload() {
    const { page } = this;
    const others = this.#tabs.length > 1;
    const before = await this.#stable();
    // Without a network the renderer could not be fetched: this answer is plain text until the reload.
    const unrendered = await page.locator('#transcript .plain').count();
    await page.reload();
    await page.waitForSelector('html[data-ready]');
    if (before.busy || others || unrendered > 0) return;
    const same = async () => JSON.stringify(await snapshot(page)) === JSON.stringify(before);
    await until(same, 'the same after a reload', 4_000).catch(async () => {
      assert.deepEqual(await snapshot(page), before, 'after a reload');
    });
  }

  /** A snapshot that has not changed for a moment. */
  async #stable() {
    for (let last = ''; ;) {
      const now = await snapshot(this.page);
      if (now.busy || JSON.stringify(now) === last) return now;
      last = JSON.stringify(now);
      await this.page.waitForTimeout(150);
    }
  }

  /** Clicks one of the visible elements that match. @returns what `about` says of it before the click */
  async #clickOne(selector, about) {
    const all = await this.page.locator(selector).elementHandles();
    const open = [];
    for (const one of all)
      if (await one.evaluate((node) => node.getClientRects().length > 0 && !node.disabled)) open.push(one);
    if (open.length === 0) return undefined;
    const one = this.#pick(open);
    const said = about ? await one.evaluate(about).catch(() => '') : '';
    // It may go at any moment: an answer ends.
    const clicked = await one.evaluate((node) => node.isConnected && (node.click(), true)).catch(() => false);
    return clicked ? said : undefined;
  }

  /** The tokens of one conversation: in its records, and where it is shown. */
  async #tokensIn(id) {
    await this.hide(); // which writes what is not written
    await this.page.waitForTimeout(200);
    const records = await everything(this.page);
    const [chat, draft] = ['chat', 'draft'].map((kind) => records.get(`${kind}:${id}`) ?? '');
    const messages = tokensOf(chat);
    const typed = tokensOf(draft);
    for (const tab of this.#tabs) {
      const seen = await tab.evaluate((wanted) => {
        const shown = document.querySelector('.chat-item[data-current]')?.dataset.id;
        return shown === wanted || location.hash === `#${wanted}`
          ? {
              messages: document.getElementById('transcript').textContent,
              typed: document.getElementById('composer-text').value,
            }
          : { messages: '', typed: '' };
      }, id);
      for (const token of tokensOf(seen.messages)) typed.add(token);
      for (const token of tokensOf(seen.typed)) typed.add(token);
    }
    return { messages, typed };
  }

  /** Answers that were seen whole must stay. */
  async #see() {
    for (const tab of this.#tabs) {
      const texts = await tab
        .locator('.message.assistant:is([data-state="done"], [data-state="stopped"]) .text')
        .allTextContents();
      for (const token of tokensOf(texts.join(' ')))
        if (!this.deleted.has(token) && !this.#excused.has(token)) this.expected.add(token);
    }
  }

  /** Nothing is lost, and nothing has come back. */
  async check() {
    const fields = [];
    for (const tab of this.#tabs) {
      await hide(tab, true);
      await hide(tab, false);
      fields.push(await tab.inputValue('#composer-text'));
    }
    const missing = async () => {
      const there = tokensOf([...(await everything(this.page)).values(), ...fields].join(' '));
      return Array.from(this.expected).filter((token) => !there.has(token));
    };
    await until(async () => (await missing()).length === 0, 'every word is there', 4_000).catch(async () => {
      assert.deepEqual(await missing(), [], 'these words are lost');
    });
    const back = async () => {
      const there = tokensOf(
        Array.from(await everything(this.page))
          .flat()
          .join(' '),
      );
      return Array.from(this.deleted).filter((token) => there.has(token));
    };
    await until(async () => (await back()).length === 0, 'what is deleted is gone', 4_000).catch(async () => {
      assert.deepEqual(await back(), [], 'these were deleted');
    });
  }

  /** Ends what runs, and looks once more, after a reload as well. */
  async end() {
    this.mode = 'quick';
    for (const tab of this.#tabs.splice(1)) await tab.close();
    await this.stop();
    await this.check();
    await this.reload();
    await this.check();
    await fillIn(this.page, await this.page.inputValue('#composer-text'));
  }
}

/** [what, how often] */
const WEIGHTS = {
  ...{ ask: 6, type: 3, send: 2, wait: 5, server: 4, stop: 2, create: 2, change: 4, retry: 2, goOn: 3, version: 2 },
  ...{ edit: 2, cancelEdit: 1, removeMessage: 1, removeConversation: 1, hide: 1, offline: 1, secondTab: 1, reload: 3 },
};
const STEPS = Object.entries(WEIGHTS).flatMap(([name, weight]) => Array.from({ length: weight }, () => [name]));

/** What somebody sees of the conversation. */
function snapshot(page) {
  return page.evaluate(() => ({
    busy: document.getElementById('send').dataset.mode === 'stop',
    address: location.hash,
    messages: Array.from(document.querySelectorAll('#transcript .message .text'), (node) => node.innerText.trim()),
    typed: document.getElementById('composer-text').value,
    editing: !document.getElementById('edit-note').hidden,
  }));
}

/** Every record and whatever lies in localStorage, as text by its key. */
async function everything(page) {
  const entries = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const open = indexedDB.open('sluice-2');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
          const store = open.result.transaction('records').objectStore('records');
          const [keys, values] = [store.getAllKeys(), store.getAll()];
          store.transaction.oncomplete = () => {
            open.result.close();
            const records = keys.result.map((key, index) => [String(key), JSON.stringify(values.result[index])]);
            resolve([...records, ...Object.entries(localStorage)]);
          };
        };
      }),
  );
  return new Map(entries);
}
