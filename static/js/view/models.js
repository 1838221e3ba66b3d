//! Which model answers: the server's list, and its default on top.

import { json } from '../wire/api.js';
import { byId, el } from '../dom.js';
import { t } from '../i18n.js';
import { saveSetting, setting } from '../state/settings.js';

export class ModelPicker extends EventTarget {
  #select = /** @type {HTMLSelectElement} */ (byId('model'));
  /** The server's own, if it has told. */
  #default = '';
  /** The model of the shown conversation. */
  #shown = '';
  /** What the menu shows. */
  #drawn = '';
  /** @type {string[] | null} null until the server has told */
  #names = null;
  /** What the server tells of each model. @type {Map<string, {numCtx?: number, loaded?: number[]}>} */
  #told = new Map();
  /** Tokens that a model reads at once, where nothing is told of it. */
  #numCtx = 0;
  /** Whether the list was asked for and did not come. */
  #failed = false;

  constructor() {
    super();
    this.#select.addEventListener('pointerdown', () => void this.load()); // some are pulled, some are loaded
    this.#select.addEventListener('change', () => this.choose(this.chosen));
  }

  /** @returns {string} '' for the server's default */
  get chosen() {
    return this.#select.value;
  }

  /** What the server says of itself. @param {any} report @param {string} shown the model of the shown conversation */
  setDefault(report, shown) {
    this.#default = String(report?.model ?? '');
    this.#numCtx = Number(report?.numCtx) || 0;
    this.show(shown);
    if (this.#failed) void this.load(); // the server is there again
  }

  /** @param {string} name of a model that the server has */
  choose(name) {
    this.#select.value = this.#shown = name;
    saveSetting('model', name);
    this.dispatchEvent(new Event('chosen'));
  }

  /** Every model that the server has told. */
  get names() {
    return this.#names ?? [];
  }

  /** Whether it has told them. */
  get told() {
    return this.#names !== null;
  }

  /** @param {string} name @returns {string} with a word where it is loaded, so that it answers at once */
  textOf(name) {
    return this.#told.get(name)?.loaded?.length ? t('model.ready', { model: name }) : name;
  }

  /** @param {string} answers the model that would answer */
  async #tellMissing(answers) {
    const { text } = await import('./missing-model.js').catch(() => ({ text: null }));
    const said = await text?.(answers, this.names);
    if (!said || answers !== (this.#shown || this.#default)) return;
    byId('empty-model').textContent = said;
    byId('empty-model').hidden = false;
  }

  /** What one without a tag is called on the server. @param {string} name */
  #has(name) {
    return [name, `${name}:latest`].some((one) => this.#names?.includes(one));
  }

  /** @param {string} name of a model that the server need not have */
  #nameOf(name) {
    return this.#names && !this.#has(name) ? t('model.gone', { model: name }) : this.textOf(name);
  }

  /** @param {string} model '' for the server's default @returns {number} tokens that it reads at once; 0: not known */
  contextOf(model) {
    return this.#told.get(model || this.#default)?.numCtx || this.#numCtx;
  }

  /** What a new conversation starts with: the last choice, if it is still there. */
  get preferred() {
    const last = setting('model');
    return this.#names && !this.#names.includes(last) ? '' : last;
  }

  /** @param {string} [model] of the shown conversation */
  async load(model = this.#shown) {
    this.#shown = model;
    this.#failed = false;
    const answer = await json('/api/tags').catch((error) => {
      this.#failed = error?.code !== 'unauthorized';
      this.dispatchEvent(new CustomEvent('locked', { detail: !this.#failed }));
      return null;
    });
    if (answer) this.dispatchEvent(new CustomEvent('locked', { detail: false }));
    if (Array.isArray(answer?.models)) {
      this.#names = answer.models
        .map((/** @type {any} */ one) => String(one?.name ?? one?.model ?? ''))
        .filter(Boolean)
        .sort((/** @type {string} */ a, /** @type {string} */ b) => a.localeCompare(b, 'en', { numeric: true }));
    }
    this.show(this.#shown);
    if (answer) void this.#look();
  }

  /** Which models are loaded, and how much they read at once; a server may tell neither. */
  async #look() {
    const queue = await json('/api/queue').catch(() => null);
    const models = Array.isArray(queue?.models) ? queue.models : [];
    this.#told = new Map(
      models.map((/** @type {any} */ { name, numCtx, loaded }) => [String(name), { numCtx, loaded }]),
    );
    if (this.#told.size > 0) this.show(this.#shown);
    this.dispatchEvent(new Event('told'));
  }

  /**
   * A model that the server no longer has stays visible: the conversation was held with it.
   * @param {string} model
   */
  show(model) {
    this.#shown = model;
    const names = this.#names ?? [];
    const answers = model || this.#default;
    const missing = this.#names !== null && answers !== '' && !this.#has(answers);
    if (missing) void this.#tellMissing(answers);
    else byId('empty-model').hidden = true;
    const options = [
      option('', this.#default ? this.#nameOf(this.#default) : t('model.default')),
      ...names.map((name) => option(name, this.textOf(name))),
    ];
    if (model && !names.includes(model)) options.push(option(model, this.#nameOf(model)));
    if (this.#names?.length === 0) {
      const none = option('none', t('model.none'));
      none.setAttribute('disabled', '');
      options.push(none);
    }
    const drawn = JSON.stringify(options.map(({ textContent }) => textContent));
    if (drawn !== this.#drawn) this.#select.replaceChildren(...options); // a list that is open stays open
    this.#drawn = drawn;
    this.#select.value = model;
  }
}

/** @param {string} value @param {string} text */
const option = (value, text) => el('option', { value }, text);
