"""The rules that the oracle judges by. Each can be switched off by its name."""

from __future__ import annotations

from dataclasses import dataclass

RULES: dict[str, str] = {
    # What every verb owes.
    "one_document": "stdout holds one JSON document, and there is no internal error, traceback or endless wait",
    "no_error": "a run is not ended by what only some assets suffer from",
    "revoked": "a 401 in the middle ends the run at once; what was applied stays reported, with verified: null",
    "exit_code": "the exit code is the contract's",
    "counts": "the summary counts what is listed",
    "no_secret": "no token and no signature is printed",
    "interrupt": "an interrupt ends the run soon, and the run tells what it did",
    "quota": "no more PUTs in a minute than the quota allows",
    "plan_changes_nothing": "plan and audit send no PUT",
    # Verdicts.
    "in_sync_is_true": "in_sync only where the cover is the wanted snapshot",
    "update_is_true": "update only where the cover is another picture, or what is on its way is",
    "unread_is_unknown": "update is decided only after both pictures were read; what cannot be read is unknown",
    "pending": "within five minutes what was applied is pending as long as the old cover is seen, and only then",
    "unknown_reason": "unknown only for a reason that is true",
    "ignored": "ignored are exactly the entries that say so",
    "after_content": "every change carries the SHA-256 of the wanted picture as it was read",
    "after_snapshot": "after.snapshot is the snapshot that the entry means",
    "before": "before is the cover that was shown, and the snapshot that it is",
    "unmanaged": "an audit lists exactly the assets that no file manages",
    # PUTs.
    "put_own_url": "only a URL that the asset's own details returned is PUT, unchanged",
    "put_planned": "only planned changes are PUT, and only the snapshot that the entry means",
    "put_as_planned": "only the cover that the plan showed is replaced",
    "put_in_sync": "an asset that is in sync is never PUT",
    "put_seen_bytes": "only the picture whose bytes the plan knows is PUT",
    "put_unread_cover": "a cover that nobody could read is not replaced",
    "saved": "a cover that is none of the snapshots is saved, byte for byte and decoded, before it is replaced",
    # Outcomes.
    "results": "one result for each planned change, in the plan's order",
    "applied_is_ours": "applied only if a PUT of this run came about; then never anything else",
    "unknown_outcome": "a PUT that came about without a usable answer is told as an unknown outcome",
    "failed_for_reason": "failed only where something failed",
    "stale_for_reason": "stale only where the cover or the wanted picture changed since the plan",
    "unchanged_for_reason": "unchanged only where the cover is, or becomes, the wanted picture without a PUT",
    "verified": "verified is true only for what is really visible, false only with --wait, else null",
    "two_looks": "verified only after at least two looks that saw the new cover",
    "verified_in_time": "what becomes visible in time, with nothing in the way, is verified",
    "converges": "apply, wait, plan: no changes",
    # Import.
    "import_true": "an imported entry is in sync with what is shown",
    "import_ignore": "ignore: true only for a cover that is known to be none of the snapshots",
    "import_complete": "every asset is written, or named as left out",
    # Rollback.
    "rollback_own": "a rollback touches only what its run changed and nobody changed since",
    "rollback_exact": "a rollback sets exactly the picture from before",
    "rollback_restores": "a rollback forgets nothing that it could restore, and tells what it could not",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule."""

    rule: str
    verb: int
    asset_id: str
    text: str
