// @ts-check
/** What the server answers. Only the type checker reads this file.
 *
 * @typedef {{name: string, url: string, blank: string, problem: string}} Picture
 *   `url` takes `?size=320` or `?size=1280`; `blank` and `problem` are words, or "".
 * @typedef {"reading"|"in_sync"|"update"|"pending"|"unknown"|"ignored"|"unmanaged"} State
 * @typedef {{asset_id: string, title: string, state: State, place: string, reason: string, message: string,
 *   note: string, cover: Picture|null, wanted: Picture|null, chosen: Picture|null}} Row
 * @typedef {{index: number, offset: number, time: string, picture: Picture, cover: boolean, wanted: boolean,
 *   chosen: boolean}} Snapshot
 * @typedef {{sets: {name: string, snapshots: Snapshot[]}[], can_take: boolean, last_second: number|null, file: string,
 *   files: string[]}} Snapshots
 * @typedef {Row & Snapshots} Asset
 * @typedef {{version: number, total: number, offset: number, rows: Row[]}} Page
 * @typedef {{all: number, drifted: number, unknown: number, unmanaged: number, chosen: number, blank: number}} Counts
 * @typedef {{project: string, version: number, reading: {done: number, total: number, waiting: string},
 *   counts: Counts, files: string[], unwritten: number}} Overview
 * @typedef {{asset_id: string, title: string, place: string, before: Picture|null, after: Picture, text: string,
 *   conflict: string}} ReviewItem
 * @typedef {{digest: string, items: ReviewItem[], diff: string, conflicts: {file: string, message: string}[]}} Review
 * @typedef {{written: string[], left: {file: string, message: string}[], next: string[]}} Written
 * @typedef {{set: string, index: number}|{take: number}} Choice
 */
export {};
