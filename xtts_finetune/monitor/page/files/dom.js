"use strict";
/* Making elements and words. Text from records is only ever set as text, never as markup. */

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") for (const [key, v] of Object.entries(value)) made.style.setProperty(key, v);
    else made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
  return made;
}

const shown = new Map();
/* Fills a place on the page only when what it shows has changed: what is being played or read stays. */
function fill(id, value, make) {
  const place = document.getElementById(id);
  const key = JSON.stringify(value === undefined ? null : value);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  const made = make(value);
  place.replaceChildren(...(made === null ? [] : [made].flat()));
  if (place.tagName === "SECTION") place.hidden = made === null;
}

function number(value, digits) {
  return value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−");
}
function grouped(value) { return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, " "); }
function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("e-", "e−");
  return number(value, size < 0.1 ? 4 : size < 100 ? 3 : 0);
}
function bytes(value) { return value === null ? "–" : value >= 1e12 ? number(value / 1e12, 2) + " TB" : number(value / 1e9, 1) + " GB"; }
function span(seconds) {
  if (seconds < 90) return Math.max(1, Math.round(seconds)) + " s";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return minutes + " min";
  return Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
}
function change(from, to) {
  if (!from || from.value === null || to === null || !from.value) return "";
  const share = 100 * (to - from.value) / from.value;
  return (share < 0 ? "−" : "+") + Math.abs(share).toFixed(1) + " %";
}
