// @ts-check
/** The current asset: what is its cover, what is wanted and chosen, a large view, and its snapshots. */

import { get, givenUp } from "./api.js";
import { address, fill, h, the } from "./dom.js";
import { framesOf, startOf, Strip } from "./strip.js";
import { clock, frameName, seconds, STATES } from "./words.js";

/** @typedef {import("./types.js").Asset} Asset */
/** @typedef {import("./types.js").Choice} Choice */
/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./strip.js").Frame} Frame */

/** Milliseconds for which a held arrow key must rest on an asset before its snapshots are read. */
const REST = 150;

export class Panel {
  /** @type {Row|null} */ #row = null;
  /** @type {Asset|null} */ #asset = null;
  #asked = new AbortController();
  #timer = 0;
  /** What was pressed before the snapshots were there: so many frames along, or Enter. @type {(number|"choose")[]} */
  #waiting = [];

  /** @param {{choose: (row: Row, choice: Choice, words: string, file?: string) => void,
   *   undo: (row: Row) => void, failed: (error: unknown) => void}} told */
  constructor(told) {
    this.told = told;
    this.box = the("panel", HTMLElement);
    this.strip = new Strip(the("strip", HTMLElement), {
      looked: (frame) => this.#look(frame),
      chosen: (frame) => this.#chooseFrame(frame),
    });
    this.time = the("time", HTMLInputElement);
    the("take", HTMLFormElement).addEventListener("submit", (event) => this.#take(event));
    this.time.addEventListener("input", () => this.#timeTyped());
    the("undo", HTMLButtonElement).addEventListener("click", () => this.undo());
    the("choose", HTMLButtonElement).addEventListener("click", () => this.choose());
    the("goes", HTMLSelectElement).addEventListener("change", () => this.#moved());
  }

  /** Another asset, or the same one with news; undefined while it is being fetched.
   * @param {Row|null|undefined} row @param {boolean} fast whether a key is held
   */
  show(row, fast) {
    const same = row && row.asset_id === this.#row?.asset_id;
    if (same && JSON.stringify(row) === JSON.stringify(this.#row)) return;
    this.#asked.abort();
    clearTimeout(this.#timer);
    if (!same && this.#row && this.#waiting.includes("choose")) void this.#finish(this.#row, this.#waiting);
    this.#row = row ?? null;
    if (!same) {
      this.#asset = null;
      this.#waiting = [];
    }
    this.box.classList.toggle("nothing", !row);
    if (!row) return;
    this.#drawHead(row);
    if (!same) this.#drawWaiting(fast ? null : row);
    this.#timer = setTimeout(() => this.#read(row), fast ? REST : 0);
  }

  /** @param {number} delta frames to the right */
  move(delta) {
    if (this.#asset) this.strip.move(delta);
    else if (this.#row) this.#waiting.push(delta);
  }

  choose() {
    if (this.#asset) this.strip.choose();
    else if (this.#row) this.#waiting.push("choose");
  }

  undo() {
    if (this.#row) this.told.undo(this.#row);
  }

  /** @param {Row} row */
  isAt(row) {
    return row.asset_id === this.#row?.asset_id;
  }

  /** Does what was pressed for an asset that was left before its snapshots were there: no choice is lost.
   * @param {Row} row @param {(number|"choose")[]} pressed
   */
  async #finish(row, pressed) {
    try {
      /** @type {Asset} */
      const asset = await get(`/api/assets/${row.asset_id}`);
      const frames = framesOf(asset);
      let at = startOf(frames);
      for (const key of pressed) {
        if (key !== "choose") at = frames[at + key] ? at + key : at;
        else if (frames[at]) this.#chooseFrame(frames[at], asset, asset.file);
      }
    } catch (error) {
      this.told.failed(error);
    }
  }

  /** @param {Row} row */
  async #read(row) {
    this.#asked.abort();
    const asked = (this.#asked = new AbortController());
    try {
      const asset = await get(`/api/assets/${row.asset_id}`, asked.signal);
      if (!asked.signal.aborted) this.#arrived(asset);
    } catch (error) {
      if (givenUp(error)) return;
      this.told.failed(error);
      this.#problem(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {Asset} asset */
  #arrived(asset) {
    const keep = this.#asset?.asset_id === asset.asset_id;
    this.#asset = asset;
    this.#drawHead(asset);
    this.#problem(asset.sets.some((set) => set.snapshots.length) ? "" : "No snapshots");
    the("take", HTMLElement).hidden = !asset.can_take;
    if (!keep) this.#drawForms(asset);
    this.strip.show(asset, keep);
    this.box.setAttribute("aria-busy", "false");
    for (const key of this.#waiting.splice(0)) key === "choose" ? this.choose() : this.move(key);
  }

  /** @param {string} words why there is no filmstrip, or "" */
  #problem(words) {
    const box = the("none", HTMLElement);
    box.hidden = !words;
    if (!words) return;
    the("strip", HTMLElement).hidden = true;
    box.replaceChildren(h("b", {}, words), h("span", { dir: "auto" }, this.#asset?.message ?? ""));
  }

  /** @param {Row} row */
  #drawHead(row) {
    const [colour, sign, words] = STATES[row.state];
    the("asset-title", HTMLElement).textContent = row.title || "Untitled";
    the("asset-id", HTMLElement).textContent = row.asset_id;
    the("asset-state", HTMLElement).className = `state ${colour}`;
    the("asset-state", HTMLElement).textContent = `${sign} ${words}`;
    the("asset-place", HTMLElement).textContent = row.place;
    const reason = row.reason.replaceAll("_", " ");
    the("asset-why", HTMLElement).textContent = [reason, row.message].filter(Boolean).join(": ");
    the("asset-note", HTMLElement).textContent = row.note;
    this.#fact("now", row.cover, row.state === "reading" ? "being read" : "none");
    this.#fact("wanted", row.wanted, row.state === "unmanaged" ? "no file says" : "–");
    this.#fact("chosen", row.chosen, "nothing yet");
    the("undo", HTMLButtonElement).disabled = !row.chosen;
    the("goes-row", HTMLElement).hidden = row.state !== "unmanaged";
  }

  /** @param {string} which @param {Picture|null} picture @param {string} otherwise */
  #fact(which, picture, otherwise) {
    const box = the(`fact-${which}`, HTMLElement);
    box.classList.toggle("is-set", Boolean(picture));
    box.replaceChildren(picture?.name ?? otherwise);
    if (picture?.blank) box.append(" ", h("span", { class: "state change" }, `■ ${picture.blank}`));
  }

  /** Nothing is shown of an asset that is only passed. @param {Row|null} row */
  #drawWaiting(row) {
    this.box.setAttribute("aria-busy", "true");
    the("none", HTMLElement).hidden = true;
    this.strip.wait();
    if (row) this.#large(row.chosen ?? row.wanted ?? row.cover, "");
    else this.#clearLarge();
  }

  #clearLarge() {
    const box = the("large", HTMLElement);
    box.dataset.shown = "";
    box.replaceChildren();
    the("large-words", HTMLElement).textContent = "";
  }

  /** @param {Asset} asset */
  #drawForms(asset) {
    this.time.value = "";
    this.#timeTyped();
    const goes = the("goes", HTMLSelectElement);
    const files = asset.files.includes(asset.file) || !asset.file ? asset.files : [asset.file, ...asset.files];
    goes.replaceChildren(...files.map((file) => h("option", { value: file }, file)));
    if (asset.file) goes.value = asset.file;
  }

  /** @param {Frame|null} frame */
  #look(frame) {
    the("choose", HTMLButtonElement).disabled = !frame;
    if (frame) return this.#large(frame.snapshot.picture, frameName(frame.set, frame.snapshot));
    const picture = this.#row && (this.#row.chosen ?? this.#row.wanted ?? this.#row.cover);
    this.#large(picture, picture?.name ?? "");
  }

  /** The small picture, which is there already, until the large one is. @param {Picture|null} picture @param {string} words */
  #large(picture, words) {
    const box = the("large", HTMLElement);
    the("large-words", HTMLElement).textContent = words;
    if (box.dataset.shown === (picture?.url || words)) return;
    box.dataset.shown = picture?.url || words;
    fill(box, picture, words || picture?.name || "cover");
    if (!picture?.url) return;
    const large = new Image();
    large.alt = words || picture.name;
    large.decoding = "async";
    large.addEventListener("load", () => {
      if (box.dataset.shown !== picture.url) return;
      box.classList.remove("loading");
      box.replaceChildren(large);
    });
    large.src = address(picture, 1280);
  }

  /** @param {Frame} frame @param {Row|null} [row] @param {string} [file] */
  #chooseFrame({ set, snapshot }, row, file) {
    this.#choose({ set, index: snapshot.index }, `${set} ${snapshot.index}, ${snapshot.time}`, row, file);
  }

  /** @param {Choice} choice @param {string} words
   * @param {Row|null} [row] the current one where none is given @param {string} [file] where a new asset goes
   */
  #choose(choice, words, row = this.#row, file = the("goes", HTMLSelectElement).value) {
    if (row) this.told.choose(row, choice, words, row.state === "unmanaged" ? file : undefined);
  }

  /** A new asset that was chosen goes into another file. */
  #moved() {
    const chosen = this.#asset && framesOf(this.#asset).find(({ snapshot }) => snapshot.chosen);
    if (chosen) this.#chooseFrame(chosen);
  }

  /** The second that was typed; null where it is none, and why stands beside it. */
  #timeTyped() {
    const text = this.time.value;
    const second = seconds(text);
    const last = this.#asset?.last_second ?? null;
    const late = second !== null && last !== null && second > last;
    const button = the("take-it", HTMLButtonElement);
    const words = the("time-words", HTMLElement);
    const good = second !== null && !late;
    button.textContent = good ? `Choose ${clock(second)}` : "Choose";
    button.disabled = !good;
    this.time.setAttribute("aria-invalid", String(Boolean(text) && !good));
    if (late) words.textContent = `The video ends at ${clock(last)}.`;
    else if (text && !good) words.textContent = "A time is 37, 0:37 or 1:02:03.";
    else words.textContent = `${good ? `dots ${clock(second)}: to be taken` : "To be taken"}, billed.`;
    return good ? second : null;
  }

  /** @param {SubmitEvent} event */
  #take(event) {
    event.preventDefault();
    const second = this.#timeTyped();
    if (second !== null) this.#choose({ take: second }, `dots ${clock(second)}, to be taken, billed`);
  }
}
