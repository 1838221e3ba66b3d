//! The page's one Trusted Types policy. It has DOMPurify's name, the only one that the page's policy header allows.
//!
//! HTML: DOMPurify alone uses it, for what it parses in a document of its own. Script addresses: the service worker's.

/** @type {any} */
const factory = /** @type {any} */ (globalThis).trustedTypes;

/** Undefined where the browser has no Trusted Types. */
export const policy = factory?.createPolicy('dompurify', {
  createHTML: (/** @type {string} */ html) => html,
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== '/sw.js') throw new TypeError('not a script of this page');
    return url;
  },
});

/** What every call of DOMPurify gets. */
export const TRUST = policy ? { TRUSTED_TYPES_POLICY: policy } : {};
