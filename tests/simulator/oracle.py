"""The oracle: judges one verb by every rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from simulator.facts import Book, Verb, puts_of
from simulator.imports import judge_import
from simulator.outcomes import judge_apply, record
from simulator.rollbacks import judge_rollback
from simulator.rules import RULES, Violation
from simulator.saved import judge_saved
from simulator.service import SIGNATURE, Service
from simulator.tool import TOKEN
from simulator.verdicts import judge_findings

_SECONDS_TO_STOP = 60.0


class Oracle:
    """Judges the verbs of one simulation, in their order.

    Args:
        states: the tool's state folders, by machine.
        rules: those that count.
    """

    def __init__(self, service: Service, states: Sequence[Path], rules: Collection[str] = tuple(RULES)) -> None:
        self.book = Book(service)
        self.verbs: list[Verb] = []
        self._states = states
        self._rules = frozenset(rules)

    def judge(self, verb: Verb) -> list[Violation]:
        """The rules that a verb broke."""
        found = [one for one in self._all(verb) if one.rule in self._rules]
        self.verbs.append(verb)
        return found

    def _all(self, verb: Verb) -> Iterator[Violation]:
        ran = verb.ran
        if ran.document is None or ran.crash or "Traceback" in ran.err or "Internal error" in ran.err:
            text = ran.crash or f"exit code {ran.code}, stdout {ran.out[:200]!r}, stderr {ran.err[-600:]!r}"
            yield Violation("one_document", verb.number, "", text)
            record(self.book, verb)
            return
        yield from self._common(verb)
        kind = verb.document["kind"]
        if kind == "error":
            yield from self._error(verb)
            record(self.book, verb)
        elif verb.name in ("plan", "audit"):
            yield from judge_findings(self.book, verb)
        elif verb.name == "import":
            yield from judge_import(self.book, verb, Path(verb.ran.arguments[2]))
        elif verb.name == "apply":
            yield from judge_apply(self.book, verb, self._states[verb.machine])
            record(self.book, verb)
        else:
            yield from judge_rollback(self.book, verb, self._undone(verb))
            yield from judge_saved(self.book, verb, self._states[verb.machine])
            record(self.book, verb)
        if verb.quiet_end and kind == "plan":
            yield from self._converged(verb)

    def _common(self, verb: Verb) -> Iterator[Violation]:
        printed = verb.ran.out + verb.ran.err
        for secret in (TOKEN, SIGNATURE):
            if secret in printed:
                at = printed.index(secret)
                yield Violation("no_secret", verb.number, "", printed[max(0, at - 80) : at + 80])
        if verb.ran.code != self._code(verb):
            text = f"exit code {verb.ran.code}, and not {self._code(verb)}"
            yield Violation("exit_code", verb.number, "", text)
        amount, seconds = verb.write_quota
        asked = self.book.world.asked(verb.number)
        sent = [event.at for event in asked if event.method == "PUT" and event.route != "upload"]
        for number in range(len(sent) - amount):
            if sent[number + amount] - sent[number] < seconds - 0.5:
                text = f"{amount + 1} PUTs within {sent[number + amount] - sent[number]:.2f} s, allowed {amount}"
                yield Violation("quota", verb.number, "", text)
                break
        yield from self._stops(verb)

    def _stops(self, verb: Verb) -> Iterator[Violation]:
        refused = (event.at for event in self.book.world.asked(verb.number) if event.status == 401)
        if verb.interrupted and verb.ran.ended - verb.weather.interrupted > _SECONDS_TO_STOP:
            text = f"it went on for {verb.ran.ended - verb.weather.interrupted:.0f} s after Ctrl-C"
            yield Violation("interrupt", verb.number, "", text)
        late = verb.ran.ended - next(refused, verb.ran.ended)
        if late > _SECONDS_TO_STOP:
            text = f"it went on for {late:.0f} s after the first 401"
            yield Violation("revoked", verb.number, "", text)

    def _code(self, verb: Verb) -> int:
        document = verb.document
        if verb.interrupted:
            return 130
        if document["kind"] == "error" or document.get("unknown") or document.get("failed"):
            return 1
        if verb.name == "import":
            return 0
        if verb.name in ("plan", "audit"):
            return 2 if document["changes"] and (verb.detailed or verb.name == "audit") else 0
        bad = {"failed", "stale", "not_attempted"}
        failed = any(item["outcome"] in bad or item["verified"] is False for item in document["results"])
        if verb.wait and verb.weather.revoked < verb.ran.ended:
            applied = [item for item in document["results"] if item["outcome"] in ("applied", "restored")]
            failed = failed or any(item["verified"] is None for item in applied)
        return 1 if failed or document.get("not_undone") else 0

    def _error(self, verb: Verb) -> Iterator[Violation]:
        error = verb.document["error"]
        kind = error["type"]
        if kind == "safety_limit" and not verb.force and verb.name == "apply":
            return
        if kind == "interrupted" and verb.interrupted:
            return
        if kind == "authentication" and verb.weather.revoked < verb.ran.ended:
            return
        mine = [one for one in self.verbs if one.name == "apply" and one.machine == verb.machine]
        changed = [put for one in mine for put in puts_of(self.book, one) if put.effect]
        if kind == "usage" and verb.name == "rollback" and not changed:
            return
        if kind == "usage" and "There is no run" in error["message"] and verb.machine:
            return  # the named runs are those of the first machine
        asked = [event for event in self.book.world.asked(verb.number) if event.route == "details"]
        if kind == "unreachable" and all(event.fault for event in asked):
            return
        yield Violation("no_error", verb.number, "", f"{kind}: {error['message']}")

    def _recent(self, item: dict[str, Any], verb: Verb) -> bool:
        return self.book.last(item["asset_id"], verb.machine, verb.ran.ended) is not None

    def _undone(self, verb: Verb) -> Verb | None:
        """The run that a rollback names: its ID begins with the second in which it began."""
        named = str(verb.document.get("rollback_of", ""))
        clock = self.book.world.clock
        for other in self.verbs:
            began = clock.moment(other.ran.began)
            if other.machine == verb.machine and named.startswith(f"{began:%Y%m%dT%H%M%SZ}"):
                return other
        return None

    def _converged(self, verb: Verb) -> Iterator[Violation]:
        later = [item for item in verb.document["pending"] if not self._recent(item, verb)]
        for item in (*verb.document["changes"], *later):
            yield Violation("converges", verb.number, item["asset_id"], "not in sync after apply --wait")
