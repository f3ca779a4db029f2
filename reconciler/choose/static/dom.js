// @ts-check
/** How elements are made. Whatever the server said becomes text, never markup. */

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {Node|string|null|false} Child */

/** How many small elements are made in one frame. */
const A_FRAMES_WORK = 120;

/** An element; attributes that are null or false are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** The element of index.html with this ID.
 * @template {HTMLElement} T
 * @param {string} id @param {new () => T} kind @returns {T}
 */
export function the(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`there is no ${kind.name} #${id}`);
  return element;
}

/** @param {number} n @param {string} noun */
export const counted = (n, noun) => `${thousands(n)} ${noun}${n === 1 ? "" : "s"}`;

/** @param {number} n */
export const thousands = (n) => n.toLocaleString("en");

/** @param {Picture} picture @param {320|1280} size */
export const address = (picture, size) => `${picture.url}?size=${size}`;

/** Shows a picture in a box whose size never changes; where there is none, it says why in words.
 * @param {HTMLElement} mat what `mat()` made
 * @param {Picture|null} picture @param {string} alt "" where it is named by what is around it
 * @param {320|1280} [size]
 */
export function fill(mat, picture, alt, size = 320) {
  mat.classList.remove("loading");
  mat.replaceChildren();
  if (!picture || !picture.url) {
    return explain(mat, picture?.problem || (picture ? "no picture yet" : "no cover"), alt);
  }
  const image = h("img", { alt, decoding: "async", draggable: "false" });
  image.addEventListener("load", () => mat.classList.remove("loading"));
  image.addEventListener("error", () => unreadable(mat, picture, alt, size));
  mat.classList.add("loading");
  mat.append(image);
  image.loading = "lazy";
  image.src = address(picture, size);
}

/** An empty box for a picture. @param {string} [name] */
export const mat = (name = "mat") => h("span", { class: name });

/** @param {HTMLElement} mat @param {Picture} picture @param {string} alt @param {number} size */
async function unreadable(mat, picture, alt, size) {
  const text = await fetch(`${picture.url}?size=${size}`)
    .then((response) => (response.ok ? "it is no picture" : response.text()))
    .catch(() => "the server does not answer");
  mat.classList.remove("loading");
  mat.replaceChildren();
  explain(mat, `Unreadable picture: ${text.slice(0, 200)}`, alt);
}

/** Says in the box why there is no picture. @param {HTMLElement} mat @param {string} why @param {string} alt */
function explain(mat, why, alt) {
  // Where the picture has no name of its own, what is around it has one that says everything: this is for the eye only.
  if (alt) mat.append(h("span", { class: "why", dir: "auto" }, why));
  else mat.append(h("span", { class: "why", dir: "auto", "data-words": why }));
}

/** A sign for those who see it. @param {string} text */
export const sign = (text) => h("span", { "aria-hidden": "true" }, `${text} `);

/** Appends many elements without holding up the page: some in each frame, until `given` says that they are not wanted.
 * @template T
 * @param {HTMLElement} parent @param {T[]} items @param {(item: T, position: number) => Node} make
 * @param {() => boolean} given whether they are still wanted
 */
export function append(parent, items, make, given) {
  let done = 0;
  const more = () => {
    if (!given()) return;
    parent.append(...items.slice(done, done + A_FRAMES_WORK).map((item, nth) => make(item, done + nth)));
    done += A_FRAMES_WORK;
    if (done < items.length) requestAnimationFrame(more);
  };
  more();
}

/** Shows what was done, and says it to those who listen: again, too, where it is the same. @param {string} text */
export function say(text) {
  const live = the("live", HTMLElement);
  live.textContent = live.textContent === text ? `${text}\u00a0` : text;
}

/** Asks before something that can't be taken back. @param {string} question @param {string} yes */
export function confirmed(question, yes) {
  const dialog = the("ask", HTMLDialogElement);
  the("ask-text", HTMLElement).textContent = question;
  the("ask-yes", HTMLElement).textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
