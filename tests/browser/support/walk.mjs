//! A random walk over everything that somebody can do to a conversation, with one rule: what is on the screen is what is
//! there after a reload, and is all that was not deleted.
//!
//! Every word that is typed and every answer carries a token of its own. Where each may be at a moment is known by
//! looking: at the fields and messages of the open tabs, and at the records. A token that is in none of them is lost; one
//! of a deleted conversation that is in any of them has come back.
//!
//! The walk is somebody who looks: the next step begins when what the last one asked for is seen. It waits for that and
//! not for a time, and each step has numbers of its own from the seed, so that a slow machine goes the same way.

import assert from 'node:assert/strict';
import { askToDelete, fillIn, hide, until } from './browser.mjs';
import { everything, keptOf, shown, snapshot, tokensOf } from './walk-look.mjs';
import { MODES, randomFrom } from './walk-server.mjs';

export class Walk {
  #seed;
  #random;
  #steps = 0;
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
    this.#seed = seed;
    Object.assign(this, { fake, open, context });
    this.#tabs = [page];
    const pace = randomFrom(seed);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 40 + pace() * 200));
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
    this.#random = randomFrom(this.#seed * 1_000 + ++this.#steps);
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
    this.log.push(`: ${token}`);
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
    const before = await shown(this.page);
    await this.page.click('#new-chat');
    await until(async () => {
      const now = await shown(this.page);
      return !now.begun && (before.begun || before.blank || now.id !== before.id);
    }, 'a new conversation is shown');
  }

  async change() {
    const id = await this.#clickOne('.chat-open', (button) => button.closest('.chat-item').dataset.id);
    if (id) await until(async () => (await shown(this.page)).id === id, `${id} is shown`);
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
    await this.#hideNote();
    const text = await this.#clickOne('.message [data-action="delete"]', (button) => {
      const message = button.closest('.message');
      return message.querySelector('.text').textContent;
    });
    if (text === undefined) return;
    const gone = tokensOf(text);
    const kept = Array.from(gone).filter((token) => this.expected.has(token));
    for (const token of gone) this.#excused.add(token);
    for (const token of gone) this.expected.delete(token);
    await this.page.locator('#undo').waitFor();
    if (this.#random() < 0.5) return;
    await this.page.click('#undo');
    for (const token of gone) this.#excused.delete(token);
    for (const token of kept) this.expected.add(token);
  }

  async removeConversation() {
    const ids = await this.page.locator('.chat-item').evaluateAll((items) => items.map(({ dataset }) => dataset.id));
    if (ids.length === 0) return;
    const id = this.#pick(ids);
    const item = this.page.locator(`.chat-item[data-id="${id}"]`);
    await this.#hideNote();
    await askToDelete(item);
    await this.page.locator('#ask-dialog').waitFor();
    const gone = await this.#partsOf(id);
    await this.page.click('#ask-yes');
    await until(() => this.#isNowhere(id), `${id} is gone from every tab`);
    await this.page.locator('#undo').waitFor();
    if (this.#random() < 0.3) {
      this.log.push(`: ${id} and back`);
      await this.page.click('#undo');
      await until(async () => (await item.count()) === 1, `${id} is back`);
      return;
    }
    this.log.push(`: ${id}`);
    for (const token of [...gone.messages, ...gone.typed]) {
      if (gone.carried.has(token)) continue;
      this.expected.delete(token);
      if (gone.messages.has(token)) this.deleted.add(token);
    }
  }

  /** Whether no tab shows a conversation, or lists it. */
  async #isNowhere(id) {
    for (const tab of this.#tabs) {
      if ((await shown(tab)).id === id || (await tab.locator(`.chat-item[data-id="${id}"]`).count()) > 0) return false;
    }
    return true;
  }

  /** A note of what was done before would be taken for that of what is done next. */
  async #hideNote() {
    await this.page.evaluate(() => (document.getElementById('undo-note').hidden = true));
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
    if (this.#tabs.length > 1) await this.#closeTab();
    else this.#tabs.push(await this.open(await this.page.evaluate(() => location.pathname + location.hash)));
  }

  /** Somebody closes the last tab and looks at the one before. */
  async #closeTab() {
    const tab = this.page;
    await hide(tab, true);
    await tab.close({ runBeforeUnload: false });
    this.#tabs.pop();
    await this.hide();
    await this.wait();
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
    await until(same, 'the same after a reload').catch(async () => {
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

  /**
   * The tokens of one conversation. `carried`: what is typed where it is shown, which goes along into a new one; the words
   * of an edit do not.
   */
  async #partsOf(id) {
    const parts = { messages: new Set(), typed: new Set(), carried: new Set() };
    for (const tab of this.#tabs) {
      await hide(tab, true); // which leaves what is not written yet
      const kept = keptOf(await everything(tab), id);
      await hide(tab, false);
      const now = await shown(tab);
      if (now.id === id && !now.editing) for (const token of tokensOf(now.typed)) parts.carried.add(token);
      for (const token of kept.messages) parts.messages.add(token);
      for (const token of kept.typed) parts.typed.add(token);
    }
    return parts;
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
    const there = async () => tokensOf([...(await everything(this.page)).values(), ...fields].join(' '));
    const missing = async () => {
      const now = await there();
      return Array.from(this.expected).filter((token) => !now.has(token));
    };
    await until(async () => (await missing()).length === 0, 'every word is there').catch(async () => {
      assert.deepEqual(await missing(), [], 'these words are lost');
    });
    const back = async () => {
      const now = await there();
      return Array.from(this.deleted).filter((token) => now.has(token));
    };
    await until(async () => (await back()).length === 0, 'what is deleted is gone').catch(async () => {
      assert.deepEqual(await back(), [], 'these were deleted');
    });
  }

  /** Ends what runs, and looks once more, after a reload as well. */
  async end() {
    this.#random = randomFrom(this.#seed);
    this.mode = 'quick';
    while (this.#tabs.length > 1) await this.#closeTab();
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
