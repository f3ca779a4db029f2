// @ts-check
/** The filmstrip: the snapshots of one asset by set, and a cursor that the arrow keys move. */

import { append, fill, h, mat, sign } from "./dom.js";
import { frameName, marksOf } from "./words.js";

/** @typedef {import("./types.js").Asset} Asset */
/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{set: string, snapshot: Snapshot}} Frame */

/** A frame is read as one name, also where a narrow strip cuts off what is seen of it. */
const SEEN = { "aria-hidden": "true" };

/** All frames of an asset, in the order of the arrow keys. @param {Asset} asset @returns {Frame[]} */
export const framesOf = (asset) =>
  asset.sets.flatMap(({ name, snapshots }) => snapshots.map((snapshot) => ({ set: name, snapshot })));

/** Where one begins: at what was chosen, else what is wanted, else the cover now. @param {Frame[]} frames */
export function startOf(frames) {
  const marks = /** @type {const} */ (["chosen", "wanted", "cover"]);
  const found = marks.map((mark) => frames.findIndex(({ snapshot }) => snapshot[mark])).find((at) => at >= 0);
  return found ?? 0;
}

export class Strip {
  /** @type {Frame[]} */ #frames = [];
  #cursor = 0;
  #drawn = 0;

  /**
   * @param {HTMLElement} box the listbox
   * @param {{looked: (frame: Frame|null) => void, chosen: (frame: Frame) => void}} told
   *   `looked` gets the frame under the pointer, or else the one under the cursor.
   */
  constructor(box, told) {
    this.box = box;
    this.told = told;
    box.addEventListener("pointerover", (event) => this.#pointed(event));
    box.addEventListener("pointerleave", () => this.#look());
    box.addEventListener("click", (event) => this.#clicked(event));
  }

  /** @param {Asset} asset @param {boolean} keep whether the cursor stays where it is */
  show(asset, keep) {
    const before = this.#frames;
    this.#frames = framesOf(asset);
    const last = this.#frames.length - 1;
    this.#cursor = keep ? Math.min(this.#cursor, Math.max(last, 0)) : startOf(this.#frames);
    this.box.hidden = last < 0;
    if (!keep || !this.#update(before)) this.#draw(asset);
    this.#mark(!keep);
    if (!keep || !this.box.matches(":hover")) this.#look();
  }

  /** Empty frames, until the snapshots are known. */
  wait() {
    if (!this.#frames.length && this.box.querySelector(".empty")) return;
    this.#frames = [];
    this.#drawn++;
    this.box.hidden = false;
    this.box.removeAttribute("aria-activedescendant");
    const frames = Array.from({ length: 8 }, () => h("div", { class: "frame empty" }, mat(), h("span", { class: "bar short" })));
    this.box.replaceChildren(h("div", { class: "set", "aria-hidden": "true" }, h("div", { class: "frames" }, ...frames)));
    this.box.scrollTo(0, 0);
  }

  /** @param {number} delta */
  move(delta) {
    const next = this.#cursor + delta;
    if (next < 0 || next >= this.#frames.length) return;
    this.#cursor = next;
    this.#mark(true);
    this.#look();
  }

  choose() {
    const frame = this.#frames[this.#cursor];
    if (frame) this.told.chosen(frame);
  }

  /** @param {Asset} asset */
  #draw(asset) {
    const turn = ++this.#drawn;
    let first = 0;
    this.box.replaceChildren();
    for (const { name, snapshots } of asset.sets) {
      if (!snapshots.length) continue;
      const frames = h("div", { class: "frames", role: "presentation" });
      const before = first;
      append(frames, snapshots, (one, nth) => this.#frame({ set: name, snapshot: one }, before + nth), () => turn === this.#drawn);
      first += snapshots.length;
      const label = h("div", { class: "set-name", "aria-hidden": "true" }, name);
      this.box.append(h("div", { class: "set", role: "group", "aria-label": name }, label, frames));
    }
  }

  /** Changes only the frames that changed, so that no picture flickers; false where they are others.
   * @param {Frame[]} before
   */
  #update(before) {
    const key = (/** @type {Frame} */ { set, snapshot }) => `${set} ${snapshot.index} ${snapshot.picture.url}`;
    const alike = before.length === this.#frames.length && before.every((one, at) => key(one) === key(this.#frames[at]));
    if (!alike) return false;
    this.#frames.forEach((frame, at) => {
      if (JSON.stringify(frame) === JSON.stringify(before[at])) return;
      const element = this.box.querySelector(`#frame-${at}`);
      const old = element?.querySelector(".mat");
      if (element && old instanceof HTMLElement) element.replaceWith(this.#frame(frame, at, old));
    });
    return true;
  }

  /** @param {Frame} frame @param {number} position @param {HTMLElement} [old] what shows its picture already */
  #frame({ set, snapshot }, position, old) {
    const { cover, wanted, chosen, picture, index, time } = snapshot;
    const box = old ?? mat();
    box.setAttribute("aria-hidden", "true");
    if (!old) fill(box, picture, "");
    box.classList.toggle("is-cover", cover);
    box.classList.toggle("is-wanted", wanted);
    box.classList.toggle("is-chosen", chosen);
    const parts = [
      h("span", { class: "when", ...SEEN }, h("b", {}, String(index)), ` ${time}`),
      ...marksOf(snapshot).map(([mark, words, colour]) => h("span", { class: `mark ${colour}`, ...SEEN }, sign(mark), words)),
    ];
    const name = position === this.#cursor ? "frame cursor" : "frame";
    const option = { class: name, role: "option", id: `frame-${position}`, "aria-selected": String(chosen) };
    const spoken = h("span", { class: "unseen" }, frameName(set, snapshot));
    return h("div", option, spoken, ...parts, box);
  }

  /** @param {boolean} scroll whether the cursor must be in sight */
  #mark(scroll) {
    this.box.querySelector(".cursor")?.classList.remove("cursor");
    const element = this.box.querySelector(`#frame-${this.#cursor}`);
    element?.classList.add("cursor");
    if (this.#frames.length) this.box.setAttribute("aria-activedescendant", `frame-${this.#cursor}`);
    else this.box.removeAttribute("aria-activedescendant");
    if (scroll && element) this.#intoSight(element);
  }

  /** Scrolls the strip and nothing around it. @param {Element} element */
  #intoSight(element) {
    const [inner, outer] = [element.getBoundingClientRect(), this.box.getBoundingClientRect()];
    this.box.scrollTop += Math.min(0, inner.top - outer.top - 8) || Math.max(0, inner.bottom - outer.bottom + 8);
    this.box.scrollLeft += Math.min(0, inner.left - outer.left - 8) || Math.max(0, inner.right - outer.right + 8);
  }

  #look() {
    this.told.looked(this.#frames[this.#cursor] ?? null);
  }

  /** @param {Event} event */
  #at(event) {
    const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
    return option ? Number(option.id.slice("frame-".length)) : -1;
  }

  /** @param {PointerEvent} event */
  #pointed(event) {
    const frame = this.#frames[this.#at(event)];
    if (frame && event.pointerType === "mouse") this.told.looked(frame);
  }

  /** @param {Event} event */
  #clicked(event) {
    const at = this.#at(event);
    if (at < 0) return;
    const first = at !== this.#cursor;
    this.#cursor = at;
    this.#mark(false);
    this.#look();
    // A finger has no way to look but to touch: the second touch chooses.
    if (!(first && event instanceof PointerEvent && event.pointerType === "touch")) this.choose();
  }
}
