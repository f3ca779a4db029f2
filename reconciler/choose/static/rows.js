// @ts-check
/** One row of the list: the cover now, what is wanted or chosen, the title, and what stands for the asset. */

import { fill, h, mat, sign } from "./dom.js";
import { spoken, STATES } from "./words.js";

/** @typedef {import("./types.js").Row} Row */

/** The element of a row; its pictures are added by `picture`, once it has stood still for a moment.
 * @param {Row|undefined} row undefined while it is being fetched
 * @param {number} index @param {number} total
 */
export function rowElement(row, index, total) {
  const place = { role: "option", id: `row-${index}`, "aria-posinset": index + 1, "aria-setsize": total };
  if (!row) {
    const bars = h("span", { class: "text" }, h("span", { class: "bar" }), h("span", { class: "bar short" }));
    return h("div", { ...place, class: "row empty", "aria-label": "being fetched" }, mat(), mat("mat none"), bars);
  }
  const target = row.chosen || (row.state === "in_sync" ? null : row.wanted);
  return h(
    "div",
    { ...place, class: row.chosen ? "row changed" : "row", "aria-label": spoken(row) },
    hidden(mat()),
    h("span", { class: "to", "aria-hidden": "true" }, target ? "→" : ""),
    hidden(target ? mat(row.chosen ? "mat is-chosen" : "mat is-wanted") : mat("mat none")),
    words(row),
  );
}

/** @param {Row} row */
function words(row) {
  const [colour, mark, state] = STATES[row.state];
  return h(
    "span",
    { class: "text" },
    h("span", { class: "title", dir: "auto" }, row.title || "Untitled"),
    " ", // Spaces part the words where no layout does.
    h(
      "span",
      { class: "marks" },
      row.chosen && h("b", { class: "mark" }, sign("◆"), "chosen"),
      " ",
      h("span", { class: `state ${colour}` }, sign(mark), state),
      " ",
      h("span", { class: "place", dir: "auto" }, row.place),
    ),
    " ",
    h("span", { class: "id" }, row.asset_id),
  );
}

/** @param {HTMLElement} element */
function hidden(element) {
  element.setAttribute("aria-hidden", "true");
  return element;
}

/** Fetches the pictures of a row that has none yet.
 * @param {HTMLElement} element @param {Row} row
 * @param {HTMLElement} [before] what stood there until now: a picture that stays is taken over, so that it does not flicker
 * @param {Row} [old] what that one showed
 */
export function picture(element, row, before, old) {
  if (element.dataset.pictured) return;
  element.dataset.pictured = "yes";
  const [now, after] = element.querySelectorAll(".mat");
  const kept = old && JSON.stringify(old.cover) === JSON.stringify(row.cover) && before?.querySelector(".mat");
  if (kept) now.replaceWith(kept);
  else if (now instanceof HTMLElement) fill(now, row.cover, "");
  if (row.cover?.blank && !kept) now.append(h("span", { class: "tag", "data-words": row.cover.blank }));
  const target = row.chosen || (row.state === "in_sync" ? null : row.wanted);
  if (after instanceof HTMLElement && target) fill(after, target, "");
}

/** Stops what a row is still fetching. @param {HTMLElement} element */
export function drop(element) {
  for (const image of element.querySelectorAll("img")) if (!image.complete) image.removeAttribute("src");
  element.remove();
}
