declare global {
  /** Set by the script itself, which is not a module. */
  var DOMPurify: import('dompurify').DOMPurify;
}
export {};
