// @ts-check
/** Questions to the server that this page came from. */

/** The server's refusal, as a sentence for a person. `status` is 0 where there was no answer at all. */
export class Refusal extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const STRANGER = "Open the address that `reconcile choose` printed.";
const SILENCE = "The server does not answer. Start `reconcile choose` again: what you chose is kept.";

/** @param {unknown} error @param {RequestInit} options @returns {never} */
function silence(error, options) {
  if (options.signal?.aborted) throw error;
  throw new Refusal(SILENCE, 0);
}

/** @param {string} path @param {RequestInit} options @returns {Promise<any>} */
async function ask(path, options) {
  const response = await fetch(path, options).catch((error) => silence(error, options));
  // An answer that is cut off or given up half-way is no answer; only a refusal may be without words.
  const answer = await response.json().catch((error) => (response.ok ? silence(error, options) : {}));
  if (response.ok) return answer;
  if (response.status === 403) throw new Refusal(STRANGER, 403);
  throw new Refusal(answer.error || `The server answered HTTP ${response.status}.`, response.status);
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => ask(path, { signal, cache: "no-store" });

/** @param {string} path @param {object} body */
export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Whether a request ended because we gave it up. @param {unknown} error */
export const givenUp = (error) => error instanceof DOMException && error.name === "AbortError";
