//! The page's one Trusted Types policy. It has DOMPurify's name, the only one that the page's policy header allows.
//!
//! HTML: DOMPurify alone uses it, for what it parses in a document of its own. Script addresses: the service worker's,
//! and a vendored script that is no module.

const SCRIPTS = ['/sw.js', '/vendor/temml-0.13.5.js'];

/** @type {any} */
const factory = /** @type {any} */ (globalThis).trustedTypes;

/** Undefined where the browser has no Trusted Types. */
const policy = factory?.createPolicy('dompurify', {
  createHTML: (/** @type {string} */ html) => html,
  createScriptURL: (/** @type {string} */ url) => {
    if (!SCRIPTS.includes(url)) throw new TypeError('not a script of this page');
    return url;
  },
});

/** What every call of DOMPurify gets. */
export const TRUST = policy ? { TRUSTED_TYPES_POLICY: policy } : {};

/** @param {string} url of a script of this page @returns {any} */
export const scriptURL = (url) => policy?.createScriptURL(url) ?? url;
