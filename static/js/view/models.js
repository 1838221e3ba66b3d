//! Which model answers: the server's list, and its default on top.

import { json } from '../wire/api.js';
import { byId, el } from '../dom.js';
import { t } from '../i18n.js';
import { saveSetting, setting } from '../state/settings.js';

export class ModelPicker extends EventTarget {
  #select = /** @type {HTMLSelectElement} */ (byId('model'));
  /** The server's own, if it has told. */
  #default = '';
  /** What the menu shows. */
  #drawn = '';
  /** @type {string[] | null} null until the server has told */
  #names = null;

  constructor() {
    super();
    this.#select.addEventListener('change', () => {
      saveSetting('model', this.chosen);
      this.dispatchEvent(new Event('chosen'));
    });
  }

  /** @returns {string} '' for the server's default */
  get chosen() {
    return this.#select.value;
  }

  /** The server's own model. @param {string} name @param {string} shown that of the shown conversation */
  setDefault(name, shown) {
    this.#default = name;
    this.show(shown);
  }

  /** What a new conversation starts with: the last choice, if it is still there. */
  get preferred() {
    const last = setting('model');
    return this.#names && !this.#names.includes(last) ? '' : last;
  }

  /** @param {string} model of the shown conversation */
  async load(model) {
    const answer = await json('/api/tags').catch((error) => {
      this.dispatchEvent(new CustomEvent('locked', { detail: error?.code === 'unauthorized' }));
      return null;
    });
    if (answer) this.dispatchEvent(new CustomEvent('locked', { detail: false }));
    if (Array.isArray(answer?.models)) {
      this.#names = answer.models
        .map((/** @type {any} */ one) => String(one?.name ?? one?.model ?? ''))
        .filter(Boolean)
        .sort();
    }
    this.show(model);
  }

  /**
   * A model that the server no longer has stays visible: the conversation was held with it.
   * @param {string} model
   */
  show(model) {
    const names = this.#names ?? [];
    const options = [option('', this.#default || t('model.default')), ...names.map((name) => option(name, name))];
    if (model && !names.includes(model)) options.push(option(model, this.#names ? t('model.gone', { model }) : model));
    if (this.#names?.length === 0) {
      const none = option('none', t('model.none'));
      none.setAttribute('disabled', '');
      options.push(none);
    }
    const drawn = JSON.stringify([model, options.map(({ textContent }) => textContent)]);
    if (drawn === this.#drawn) return; // a list that is open stays open
    this.#drawn = drawn;
    this.#select.replaceChildren(...options);
    this.#select.value = model;
  }
}

/** @param {string} value @param {string} text */
const option = (value, text) => el('option', { value }, text);
