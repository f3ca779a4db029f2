// @ts-check
/** The page of `reconcile choose`: which assets are listed, what the keys do, and how it stays up to date. */

import { get, post, Refusal } from "./api.js";
import { counted, say, the, thousands } from "./dom.js";
import { List } from "./list.js";
import { Panel } from "./panel.js";
import { Review } from "./review.js";

/** @typedef {import("./types.js").Choice} Choice */
/** @typedef {import("./types.js").Overview} Overview */
/** @typedef {import("./types.js").Row} Row */

const WHILE_READING = 1000;
const AFTERWARDS = 5000;
/** Milliseconds after the last letter of a search. */
const TYPED = 200;

const search = the("search", HTMLInputElement);
const box = the("list", HTMLElement);
const strip = the("strip", HTMLElement);
const keys = the("keys", HTMLDialogElement);
let filter = "all";
let version = -1;
let timer = 0;
let typed = 0;
/** Ends when the list shows what was last looked for: until then no key acts on what was there before. */
let found = Promise.resolve();
/** Ends when the server has answered all that was chosen and undone. */
let sent = Promise.resolve();

const list = new List(box, the("rows", HTMLElement), {
  current(row, fast) {
    panel.show(row, fast);
    const empty = row === null;
    the("list-empty", HTMLElement).hidden = !empty;
    box.classList.toggle("no-rows", empty);
  },
  failed,
});
const panel = new Panel({ choose, undo, failed });
const review = new Review({ changed: () => void look(), failed });

/** @param {unknown} error */
function failed(error) {
  const banner = the("problem", HTMLElement);
  banner.textContent = error instanceof Error ? error.message : String(error);
  banner.hidden = false;
  banner.dataset.status = error instanceof Refusal ? String(error.status) : "";
}

/** Takes down a message that the server's next answer has made untrue. */
function answered() {
  const banner = the("problem", HTMLElement);
  if (["0", "403"].includes(banner.dataset.status ?? "")) banner.hidden = true;
}

/** Choices and undoings reach the server in the order in which they were made. @param {() => Promise<void>} act */
function inTurn(act) {
  sent = sent.then(act).catch(failed);
}

/** @param {Row} row @param {Choice} choice @param {string} words @param {string} [file] */
function choose(row, choice, words, file) {
  inTurn(async () => {
    changed(await post("/api/choose", { asset_id: row.asset_id, ...choice, ...(file ? { file } : {}) }));
    say(`Chosen: ${words}.`);
  });
}

/** @param {Row} row */
function undo(row) {
  inTurn(async () => {
    if (!(list.rowOf(row.asset_id) ?? row).chosen) return say("Nothing to undo here.");
    changed(await post("/api/undo", { asset_id: row.asset_id }));
    say(`Undone: ${row.title || row.asset_id}.`);
  });
}

/** @param {Row} row as the server has it now */
function changed(row) {
  the("problem", HTMLElement).hidden = true;
  list.replace(row);
  if (panel.isAt(row)) panel.show(row, false);
  void look();
}

/** Asks what has changed, and again after a while. */
async function look() {
  clearTimeout(timer);
  let reading = false;
  try {
    /** @type {Overview} */
    const overview = await get("/api/state");
    answered();
    draw(overview);
    reading = overview.reading.done < overview.reading.total;
    if (version < 0) await load();
    else if (overview.version !== version) await list.refresh();
    version = overview.version;
    the("found", HTMLElement).textContent = counted(list.total, "asset");
  } catch (error) {
    failed(error);
  }
  clearTimeout(timer);
  timer = setTimeout(look, reading ? WHILE_READING : AFTERWARDS);
}

/** @param {Overview} overview */
function draw({ project, reading, counts, files, unwritten }) {
  the("project", HTMLElement).textContent = project;
  document.title = `${unwritten ? `(${unwritten}) ` : ""}Choose covers · reconcile`;
  the("unwritten", HTMLElement).textContent = thousands(unwritten);
  the("open-review", HTMLElement).setAttribute("aria-label", `Review, ${counted(unwritten, "choice")} not written`);
  for (const button of filters()) {
    const count = counts[/** @type {keyof typeof counts} */ (button.value)];
    const text = button.querySelector("b");
    if (text) text.textContent = thousands(count);
    button.classList.toggle("nil", !count);
  }
  const progress = the("progress", HTMLProgressElement);
  the("reading", HTMLElement).hidden = reading.done >= reading.total;
  progress.max = reading.total || 1;
  progress.value = reading.done;
  const waiting = reading.waiting ? ` · waiting: ${reading.waiting}` : "";
  the("reading-words", HTMLElement).textContent = `${thousands(reading.done)} of ${thousands(reading.total)} read${waiting}`;
  const select = the("file", HTMLSelectElement);
  if (select.options.length !== files.length + 1) select.append(...files.slice(select.options.length - 1).map((file) => new Option(file, file)));
}

const filters = () => /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("#filters button"));

/** Lists what the filters and the search say. */
async function load() {
  clearTimeout(typed);
  for (const button of filters()) button.setAttribute("aria-pressed", String(button.value === filter));
  const file = the("file", HTMLSelectElement).value;
  const sort = the("sort", HTMLSelectElement).value;
  found = list.load({ filter, file, q: search.value.trim(), sort });
  await found;
  the("found", HTMLElement).textContent = counted(list.total, "asset");
}

/** Shows what the address says: the list, or the review. */
function navigate() {
  const reviewing = location.hash === "#review";
  the("browse", HTMLElement).hidden = reviewing;
  the("review", HTMLElement).hidden = !reviewing;
  the("hints", HTMLElement).hidden = reviewing;
  scrollTo(0, 0);
  if (reviewing) {
    void sent.then(() => (location.hash === "#review" ? review.open() : undefined));
    return;
  }
  review.close();
  box.focus();
}

/** What each key does in the list and the filmstrip. @type {Record<string, (event: KeyboardEvent) => void>} */
const KEYS = {
  ArrowDown: (event) => step(1, event),
  ArrowUp: (event) => step(-1, event),
  j: (event) => step(1, event),
  k: (event) => step(-1, event),
  PageDown: (event) => step(list.inSight, event),
  PageUp: (event) => step(-list.inSight, event),
  Home: (event) => step(-Infinity, event),
  End: (event) => step(Infinity, event),
  ArrowRight: () => along(1),
  ArrowLeft: () => along(-1),
  Enter: () => panel.choose(),
  u: () => panel.undo(),
  t: () => the("time", HTMLElement).focus(),
  r: () => (location.hash = "#review"),
  "/": () => (search.focus(), search.select()),
};

/** @param {number} delta @param {KeyboardEvent} event */
function step(delta, event) {
  box.focus();
  list.move(delta, event.repeat);
}

/** @param {number} delta */
function along(delta) {
  strip.focus();
  panel.move(delta);
}

/** Whether a key means something of its own where it was pressed. @param {KeyboardEvent} event */
function taken(event) {
  const at = event.target instanceof Element ? event.target : document.body;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (at.closest("input, select, textarea, dialog[open]")) return true;
  return event.key === "Enter" && at.closest("button, a, summary") !== null;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.key === "Escape") return escape(event);
  if (taken(event)) return;
  if (event.key === "?") return event.preventDefault(), keys.showModal();
  if (location.hash === "#review" || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  void found.then(() => KEYS[event.key](event));
}

/** Back: from a dialog by itself, from a field to the list, from the review to the list. @param {KeyboardEvent} event */
function escape(event) {
  if (document.querySelector("dialog[open]")) return;
  if (event.target === search && search.value) {
    search.value = "";
    void load();
  }
  the("problem", HTMLElement).hidden = true;
  if (location.hash === "#review") location.hash = "";
  else box.focus();
}

document.addEventListener("keydown", pressed);
window.addEventListener("hashchange", navigate);
for (const button of filters())
  button.addEventListener("click", () => {
    filter = button.value;
    void load();
  });
/** @param {Event} event */
function searched(event) {
  if (event instanceof InputEvent && event.isComposing) return; // Chinese that is still being put together
  clearTimeout(typed);
  typed = setTimeout(load, TYPED);
}

for (const kind of ["input", "compositionend"]) search.addEventListener(kind, searched);
search.addEventListener("keydown", (event) => {
  if (!["Enter", "ArrowDown"].includes(event.key) || event.isComposing) return;
  event.preventDefault();
  void load();
  box.focus();
});
for (const id of ["file", "sort"]) the(id, HTMLSelectElement).addEventListener("change", load);
for (const id of ["close-review", "back"]) the(id, HTMLElement).addEventListener("click", () => (location.hash = ""));
the("open-review", HTMLElement).addEventListener("click", () => (location.hash = "#review"));
the("open-keys", HTMLElement).addEventListener("click", () => keys.showModal());
document.addEventListener("visibilitychange", () => document.hidden || look());
navigate();
void look();
