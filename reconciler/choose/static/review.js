// @ts-check
/** The review: everything that was chosen as pictures and as the difference of the files, and the writing of it. */

import { get, post, Refusal } from "./api.js";
import { append, confirmed, counted, fill, h, mat, say, the, thousands } from "./dom.js";

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Review} Answer */
/** @typedef {import("./types.js").ReviewItem} Item */
/** @typedef {import("./types.js").Written} Written */

/** Cards that are shown at once, and lines of the difference in one box. */
const [CARDS, PART] = [100, 40];

export class Review {
  #digest = "";
  #turn = 0;
  #busy = false;
  /** @type {Item[]} */ #items = [];

  /** @param {{changed: () => void, failed: (error: unknown) => void}} told
   *   `changed`: choices were undone or written */
  constructor(told) {
    this.told = told;
    this.title = the("review-title", HTMLElement);
    this.write = the("write", HTMLButtonElement);
    this.more = the("more", HTMLButtonElement);
    this.more.addEventListener("click", () => this.#more());
    this.write.addEventListener("click", () => this.#write());
    the("undo-all", HTMLElement).addEventListener("click", () => this.#undoAll());
  }

  /** Reads the review and shows it; the heading gets the focus. */
  async open() {
    this.title.focus();
    await this.#doing(async () => this.#show(await get("/api/review")));
  }

  /** Forgets what it showed, so that nothing old can be written. */
  close() {
    this.#turn++;
    this.#digest = "";
    this.write.disabled = true;
    the("written", HTMLElement).hidden = true;
    for (const id of ["items", "diff", "conflicts"]) the(id, HTMLElement).replaceChildren();
  }

  /** One thing at a time, whatever is pressed meanwhile. @param {() => Promise<void>} act */
  async #doing(act) {
    if (this.#busy) return;
    this.#busy = true;
    this.write.disabled = true;
    try {
      await act();
    } catch (error) {
      this.told.failed(error);
    } finally {
      this.#busy = false;
      this.write.disabled = !this.#digest;
    }
  }

  /** @param {Answer} review */
  #show(review) {
    const turn = ++this.#turn;
    const wanted = () => turn === this.#turn;
    const count = review.items.length;
    this.#digest = count ? review.digest : "";
    const written = !the("written", HTMLElement).hidden;
    const none = written ? "Written" : "Nothing is chosen";
    this.title.textContent = count ? `Review: ${counted(count, "cover")} to write` : none;
    this.write.textContent = count ? `Write ${counted(count, "cover")}` : "Write";
    the("undo-all", HTMLButtonElement).disabled = !count;
    the("review-empty", HTMLElement).hidden = written || Boolean(count);
    the("conflicts", HTMLElement).replaceChildren(...review.conflicts.map((one) => this.#conflict(one)));
    the("items", HTMLElement).replaceChildren();
    this.#items = review.items;
    this.#more();
    the("diff-part", HTMLElement).hidden = !review.diff;
    const diff = the("diff", HTMLElement);
    diff.replaceChildren();
    const lines = review.diff.replace(/\n$/, "").split("\n");
    const parts = Array.from({ length: Math.ceil(lines.length / PART) }, (_, nth) => lines.slice(nth * PART, (nth + 1) * PART));
    if (review.diff) append(diff, parts, part, wanted);
  }

  /** Shows the next cards: thousands at once would hold up the page. */
  #more() {
    const items = the("items", HTMLElement);
    const shown = items.children.length;
    items.append(...this.#items.slice(shown, shown + CARDS).map((item) => this.#card(item)));
    const rest = this.#items.length - items.children.length;
    this.more.hidden = !rest;
    this.more.textContent = `Show ${thousands(Math.min(rest, CARDS))} more of ${thousands(rest)}`;
    /** @type {HTMLElement|null|undefined} */ (shown ? items.children[shown]?.querySelector("button") : null)?.focus();
  }

  /** @param {{file: string, message: string}} conflict */
  #conflict({ file, message }) {
    const button = h("button", { type: "button" }, "Use the new text");
    button.addEventListener("click", () =>
      this.#doing(async () => {
        this.#show(await post("/api/carry", { file }));
        say(`Your choices are carried over to the new text of ${file}.`);
        this.title.focus();
      }),
    );
    return h("li", {}, h("span", {}, h("b", { dir: "auto" }, file), " ", h("span", { dir: "auto" }, message)), button);
  }

  /** @param {Item} item */
  #card(item) {
    const undo = h("button", { type: "button", "aria-label": `Undo ${item.title || item.asset_id}` }, "Undo");
    const card = h(
      "li",
      { class: "card item" },
      h("div", { class: "item-head" },
        h("div", {}, h("h3", { dir: "auto" }, item.title || "Untitled"), h("p", { class: "id" }, item.asset_id)), undo),
      h("div", { class: "pair" }, figure("Before", item.before), h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
        figure("After", item.after)),
      h("p", { class: "move", dir: "auto" }, item.text),
      h("p", { class: "place", dir: "auto" }, item.place),
      item.conflict && h("p", { class: "error", dir: "auto" }, item.conflict),
    );
    undo.addEventListener("click", () =>
      this.#doing(async () => {
        await post("/api/undo", { asset_id: item.asset_id });
        say(`Undone: ${item.title || item.asset_id}.`);
        this.told.changed();
        const next = card.nextElementSibling ?? card.previousElementSibling;
        const position = next ? [...the("items", HTMLElement).children].indexOf(card) : -1;
        this.#show(await get("/api/review"));
        const button = the("items", HTMLElement).children[position]?.querySelector("button");
        (button ?? this.title).focus();
      }),
    );
    return card;
  }

  async #undoAll() {
    if (!(await confirmed("Undo everything that was chosen and not written yet?", "Undo all"))) return;
    await this.#doing(async () => {
      const { undone } = await post("/api/undo", { all: true });
      say(`Undone: ${counted(undone, "choice")}.`);
      this.told.changed();
      this.#show(await get("/api/review"));
      this.title.focus();
    });
  }

  async #write() {
    await this.#doing(async () => {
      try {
        this.#wrote(await post("/api/write", { digest: this.#digest }));
      } catch (error) {
        if (!(error instanceof Refusal && error.status === 409)) throw error;
        this.told.failed(new Refusal(`${error.message} Nothing was written: look at the review again.`, 409));
      }
      this.told.changed();
      this.#show(await get("/api/review"));
      this.title.focus();
    });
  }

  /** @param {Written} answer */
  #wrote({ written, left, next }) {
    const box = the("written", HTMLElement);
    box.hidden = false;
    const files = (/** @type {string[]} */ names) => names.map((name) => h("li", {}, h("code", { dir: "auto" }, name)));
    box.replaceChildren(
      h("h3", {}, written.length ? `Written: ${counted(written.length, "file")}` : "Nothing was written"),
      h("ul", {}, ...files(written)),
    );
    if (left.length) {
      const reasons = left.map(({ file, message }) => h("li", { dir: "auto" }, h("code", {}, file), ` ${message}`));
      box.append(h("h3", { class: "bad" }, `Left as they are: ${counted(left.length, "file")}`), h("ul", {}, ...reasons));
    }
    if (next.length) box.append(h("h3", {}, "Next"), h("ul", { class: "commands" }, ...files(next)));
    say(written.length ? `Written: ${counted(written.length, "file")}.` : "Nothing was written.");
  }
}

/** @param {string} label @param {Picture|null} picture */
function figure(label, picture) {
  const box = mat();
  fill(box, picture, `${label}: ${picture?.name ?? "no cover"}`);
  if (label === "After") box.classList.add("is-chosen");
  const caption = h("figcaption", {}, h("b", {}, label), ` ${picture?.name ?? "no cover"}`);
  if (picture?.blank) caption.append(" ", h("span", { class: "state change" }, `■ ${picture.blank}`));
  return h("figure", {}, box, caption);
}

/** @param {string[]} lines of a unified diff */
const part = (lines) =>
  h("span", { class: "part" }, ...lines.map((line) => h("span", { class: `line ${kind(line)}` }, `${line}\n`)));

/** @param {string} line of a unified diff */
function kind(line) {
  if (/^(---|\+\+\+) /.test(line)) return "of-file";
  if (line.startsWith("@@")) return "of-place";
  return { "+": "added", "-": "removed" }[line[0]] ?? "";
}
