// @ts-check
/** What states, marks and times are called. */

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Snapshot} Snapshot */

/** Of each state: its colour, its sign and its words. @type {Record<import("./types.js").State, [string, string, string]>} */
export const STATES = {
  reading: ["calm", "…", "reading"],
  in_sync: ["good", "✓", "in sync"],
  update: ["change", "~", "to change"],
  pending: ["wait", "◷", "pending"],
  unknown: ["bad", "?", "unknown"],
  ignored: ["calm", "–", "ignored"],
  unmanaged: ["calm", "+", "not managed"],
};

/** What a row is to those who can't see it: its words in their order, and what its pictures show. @param {Row} row */
export function spoken(row) {
  const parts = [row.title || "Untitled", row.chosen ? "chosen" : "", STATES[row.state][2], row.place, row.asset_id];
  parts.push(row.cover ? `cover now ${row.cover.name}` : "no cover");
  if (row.cover?.blank) parts.push(row.cover.blank);
  if (row.wanted) parts.push(`wanted ${row.wanted.name}`);
  if (row.chosen) parts.push(`chosen here ${row.chosen.name}`);
  if (row.reason) parts.push(row.reason.replaceAll("_", " "));
  return parts.filter(Boolean).join(", ");
}

/** The marks of a frame: sign, words, colour. @param {Snapshot} snapshot @returns {[string, string, string][]} */
export function marksOf({ cover, wanted, chosen, picture }) {
  /** @type {[string, string, string][]} */
  const marks = [];
  if (cover) marks.push(["●", "cover now", "soft"]);
  if (wanted) marks.push(["✓", "wanted now", "good"]);
  if (chosen) marks.push(["◆", "chosen here", ""]);
  if (picture.blank) marks.push(["■", picture.blank, "change"]);
  return marks;
}

/** @param {string} set @param {Snapshot} snapshot */
export const frameName = (set, snapshot) =>
  [`${set} ${snapshot.index}`, snapshot.time, ...marksOf(snapshot).map(([, words]) => words), snapshot.picture.problem]
    .filter(Boolean)
    .join(", ");

/** Seconds of "37", "0:37" or "1:02:03"; null where it is no time. @param {string} text */
export function seconds(text) {
  const clean = text.trim().replaceAll("：", ":");
  if (!/^\d{1,6}$|^\d{1,4}:[0-5]\d$|^\d{1,3}:[0-5]\d:[0-5]\d$/.test(clean)) return null;
  return clean.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** @param {number} total seconds */
export function clock(total) {
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
