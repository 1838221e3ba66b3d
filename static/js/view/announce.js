//! What a screen reader hears: one status region, one alert region, both there from the start.
//!
//! The transcript itself is silent (a live transcript would read out every token).

import { byId } from '../dom.js';

const EVERY_MS = 5_000;
let lastPlaceAt = -Infinity;

/** @param {string} text */
export function status(text) {
  byId('status').textContent = text;
}

/** @param {string} text */
export function alert(text) {
  byId('alert').textContent = text;
}

/**
 * A change of place: said at most every 5 s, since the next one comes soon.
 * @param {string} text
 * @param {number} nowMs
 */
export function place(text, nowMs) {
  if (nowMs - lastPlaceAt < EVERY_MS || byId('status').textContent === text) return;
  lastPlaceAt = nowMs;
  status(text);
}
