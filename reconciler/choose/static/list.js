// @ts-check
/** The list of assets: of any number of rows only those in sight are in the document, and fetched in pages. */

import { get, givenUp } from "./api.js";
import { drop, picture, rowElement } from "./rows.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Page} Page */

const PAGE = 100;
const SPARE_ROWS = 6;
const MOST_PAGES = 40;
const ROW_REM = 5.5;
/** Milliseconds between looks at what is in sight and has to be fetched. */
const LOOK = 70;

export class List {
  #query = "";
  /** @type {Map<number, Row[]>} */ #pages = new Map();
  /** @type {Map<number, AbortController>} */ #asked = new Map();
  /** @type {Map<number, HTMLElement>} */ #drawn = new Map();
  /** What each element shows. @type {WeakMap<HTMLElement, {row: Row|undefined, total: number}>} */ #shown = new WeakMap();
  #total = 0;
  #index = 0;
  #id = "";
  #height = 0;
  #loading = false;
  #lookedAt = 0;
  #drawnAt = 0;
  #skipped = false;
  #changes = 0;
  #rowHeight = ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
  #frame = 0;
  #timer = 0;

  /**
   * @param {HTMLElement} box the listbox, which scrolls
   * @param {HTMLElement} rows inside it: as high as all rows
   * @param {{current: (row: Row|null|undefined, fast: boolean) => void, failed: (error: unknown) => void}} told
   *   `current` gets null where there is no asset, and undefined where it is still being fetched.
   */
  constructor(box, rows, told) {
    this.box = box;
    this.rows = rows;
    this.told = told;
    box.addEventListener("scroll", () => this.#soon(), { passive: true });
    rows.addEventListener("click", (event) => this.#clicked(event));
    new ResizeObserver(() => {
      const hidden = !this.#height; // what was hidden has forgotten how far it was scrolled
      this.#height = box.clientHeight;
      if (hidden && this.#height) this.#intoSight();
      this.#draw();
    }).observe(box);
  }

  /** Shows other assets, from the top. @param {Record<string, string>} query */
  async load(query) {
    this.#query = new URLSearchParams(query).toString();
    this.#loading = true;
    for (const asked of this.#asked.values()) asked.abort();
    const asked = this.#query;
    const page = await this.#fetch(0);
    if (asked !== this.#query) return;
    this.#loading = false;
    if (!page) return;
    this.#pages.clear();
    this.#clear();
    this.#index = 0;
    this.#take(page);
    this.box.scrollTop = 0;
    this.#settle();
  }

  /** Reads what is in sight again; the current asset stays the current one wherever it stands now. */
  async refresh() {
    if (this.#loading) return;
    const query = this.#query;
    const here = Math.floor(this.#index / PAGE);
    const near = new Set([...this.#needed(), here]);
    for (const number of this.#pages.keys()) if (!near.has(number)) this.#pages.delete(number);
    await this.#again([...near]);
    if (query === this.#query && !this.#find()) await this.#again([here - 1, here + 1].filter((n) => n >= 0));
    if (query === this.#query) this.#settle();
  }

  /** @param {number} delta rows down @param {boolean} [fast] whether a key is held */
  move(delta, fast = false) {
    this.moveTo(this.#index + delta, fast);
  }

  /** @param {number} index @param {boolean} [fast] */
  moveTo(index, fast = false) {
    if (!this.#total) return;
    this.#index = Math.max(0, Math.min(index, this.#total - 1));
    this.#intoSight();
    this.#draw();
    this.#tell(fast);
  }

  get total() {
    return this.#total;
  }

  /** How many rows are in sight at once. */
  get inSight() {
    return Math.max(1, Math.floor(this.#height / this.#rowHeight) - 1);
  }

  /** A row that was changed by what the person did. @param {Row} row */
  replace(row) {
    this.#changes++;
    for (const rows of this.#pages.values()) {
      const position = rows.findIndex((one) => one.asset_id === row.asset_id);
      if (position >= 0) rows[position] = row;
    }
    this.#draw();
  }

  /** Scrolls so that the current row is in sight, and a bit of the next one too. */
  #intoSight() {
    const top = this.#index * this.#rowHeight;
    const spare = Math.max(0, Math.min(this.#rowHeight / 2, (this.#height - this.#rowHeight) / 2));
    const [highest, lowest] = [top - spare, top + this.#rowHeight + spare - this.#height];
    if (highest < this.box.scrollTop) this.box.scrollTop = highest;
    else if (lowest > this.box.scrollTop) this.box.scrollTop = lowest;
  }

  /** What is known of an asset, if its row is here. @param {string} id */
  rowOf(id) {
    return [...this.#pages.values()].flat().find((row) => row.asset_id === id);
  }

  /** @param {number} index */
  #row(index) {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Tells who the current asset is now, once it is known. @param {boolean} fast */
  #tell(fast) {
    const row = this.#row(this.#index);
    this.#id = row?.asset_id ?? "";
    this.told.current(this.#total ? row : null, fast);
  }

  /** Whether the current asset is in the pages that are here; it becomes the current row again. */
  #find() {
    if (!this.#id || this.#row(this.#index)?.asset_id === this.#id) return true;
    for (const [number, rows] of this.#pages) {
      const position = rows.findIndex((row) => row.asset_id === this.#id);
      if (position < 0) continue;
      const index = number * PAGE + position;
      this.box.scrollTop += (index - this.#index) * this.#rowHeight;
      this.#index = index;
      return true;
    }
    return false;
  }

  #settle() {
    this.#index = Math.max(0, Math.min(this.#index, this.#total - 1));
    this.#draw();
    this.#tell(false);
  }

  /** @param {number[]} numbers of pages @returns {Promise<void>} */
  async #again(numbers) {
    const changes = this.#changes;
    const pages = await Promise.all(numbers.map((number) => this.#fetch(number)));
    if (changes !== this.#changes) return this.#again(numbers); // they may not know yet what was chosen meanwhile
    for (const page of pages) if (page) this.#take(page);
  }

  /** @param {number} number @returns {Promise<Page|null>} null where it is not wanted any more, or failed */
  async #fetch(number) {
    const asked = new AbortController();
    this.#asked.get(number)?.abort();
    this.#asked.set(number, asked);
    try {
      return await get(`/api/assets?${this.#query}&offset=${number * PAGE}&limit=${PAGE}`, asked.signal);
    } catch (error) {
      if (!givenUp(error)) this.told.failed(error);
      return null;
    } finally {
      if (this.#asked.get(number) === asked) this.#asked.delete(number);
    }
  }

  /** @param {Page} page */
  #take(page) {
    this.#pages.set(page.offset / PAGE, page.rows);
    if (page.total === this.#total && this.rows.style.height) return;
    this.#total = page.total;
    this.rows.style.height = `${page.total * this.#rowHeight}px`;
  }

  #clear() {
    for (const element of this.#drawn.values()) drop(element);
    this.#drawn.clear();
  }

  /** The first row in sight and the one after the last, with some to spare. */
  #range() {
    const top = this.box.scrollTop / this.#rowHeight;
    const first = Math.max(0, Math.floor(top) - SPARE_ROWS);
    return [first, Math.min(this.#total, Math.ceil(top + this.#height / this.#rowHeight) + SPARE_ROWS)];
  }

  #needed() {
    const [first, end] = this.#range();
    const pages = new Set([Math.floor(first / PAGE), Math.floor(Math.max(first, end - 1) / PAGE)]);
    return [...pages];
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const [first, end] = this.#range();
    const flying = Math.abs(this.box.scrollTop - this.#drawnAt) > this.#height;
    this.#drawnAt = this.box.scrollTop;
    this.#skipped = flying;
    const wanted = new Set([this.#index]);
    for (let index = first; index < end; index++) wanted.add(index);
    for (const [index, element] of this.#drawn) {
      if (wanted.has(index) && index < this.#total) continue;
      drop(element);
      this.#drawn.delete(index);
    }
    /** @type {Node|null} */
    let next = null;
    for (const index of [...wanted].sort((one, other) => other - one)) {
      if (index >= this.#total) continue;
      const element = this.#element(index, flying);
      if (element.parentNode !== this.rows || element.nextSibling !== next) this.rows.insertBefore(element, next);
      next = element;
    }
    this.#mark();
    this.#later();
  }

  /** The element of a row, made anew only where it says something else than before.
   * @param {number} index @param {boolean} flying whether it is seen for a moment only: then it says nothing yet
   */
  #element(index, flying) {
    const row = flying && index !== this.#index ? undefined : this.#row(index);
    const before = this.#drawn.get(index);
    const shown = before && this.#shown.get(before);
    if (before && shown && shown.total === this.#total && same(shown.row, row)) return before;
    const element = rowElement(row, index, this.#total);
    this.#shown.set(element, { row, total: this.#total });
    element.style.transform = `translateY(${index * this.#rowHeight}px)`;
    if (before) {
      before.replaceWith(element);
      if (row && before.dataset.pictured) picture(element, row, before, shown?.row);
    }
    this.#drawn.set(index, element);
    return element;
  }

  #mark() {
    for (const [index, element] of this.#drawn) {
      const current = index === this.#index;
      if ((element.getAttribute("aria-selected") === "true") !== current || !element.hasAttribute("aria-selected"))
        element.setAttribute("aria-selected", String(current));
    }
    if (this.#total) this.box.setAttribute("aria-activedescendant", `row-${this.#index}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  /** Fetches rows, and more slowly their pictures, but not what only flies past. */
  #later() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const flown = Math.abs(this.box.scrollTop - this.#lookedAt);
      this.#lookedAt = this.box.scrollTop;
      if (flown > this.#height) return this.#later();
      if (this.#skipped) this.#draw();
      this.#fetchMissing();
      if (flown > this.#height / 3) return this.#later();
      for (const [index, element] of this.#drawn) {
        const row = this.#row(index);
        if (row) picture(element, row);
      }
    }, LOOK);
  }

  #fetchMissing() {
    if (this.#loading) return;
    const needed = this.#needed();
    for (const [number, asked] of this.#asked) if (!needed.includes(number)) asked.abort();
    for (const number of needed) {
      if (this.#pages.has(number) || this.#asked.has(number) || number * PAGE >= this.#total) continue;
      this.#fetch(number).then((page) => page && this.#arrived(page));
    }
  }

  /** @param {Page} page */
  #arrived(page) {
    this.#take(page);
    for (const number of this.#pages.keys()) {
      if (this.#pages.size <= MOST_PAGES) break;
      if (!this.#needed().includes(number)) this.#pages.delete(number);
    }
    this.#draw();
    if (!this.#id || this.#row(this.#index)?.asset_id !== this.#id) this.#tell(false);
  }

  /** @param {Event} event */
  #clicked(event) {
    const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
    if (option) this.moveTo(Number(option.id.slice("row-".length)));
  }
}

/** @param {Row|undefined} one @param {Row|undefined} other */
const same = (one, other) => one === other || JSON.stringify(one) === JSON.stringify(other);
