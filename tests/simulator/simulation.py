"""One simulation: a random catalogue, a handful of verbs in all weathers, others at work, and a calm end."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from simulator import catalogue, changes, weather
from simulator.clock import VirtualClock
from simulator.facts import Verb
from simulator.oracle import Oracle
from simulator.page import page
from simulator.rules import RULES, Violation
from simulator.service import PROJECT
from simulator.tool import Tool
from simulator.weather import Weather

_MEMORY = Path("/dev/shm")


class Broken(AssertionError):
    """A rule was broken; the message is the page that tells."""

    def __init__(self, violation: Violation, text: str) -> None:
        super().__init__(text)
        self.violation = violation


def simulate(seed: int, rules: Collection[str] = tuple(RULES)) -> int:
    """Plays one seed; gives the number of verbs.

    Raises:
        Broken: the first broken rule.
    """
    where = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="simulator-", dir=where) as home:
        return Simulation(seed, Path(home), rules).play()


class Simulation:
    """Plays one seed in a folder of its own."""

    def __init__(self, seed: int, home: Path, rules: Collection[str]) -> None:
        self._seed = seed
        self._home = home
        self._rng = random.Random(seed)
        self._flags = random.Random(f"flags of {seed}")
        self._clock = VirtualClock()
        self._service = catalogue.service(seed, self._rng, self._clock)
        self._world = self._service.world
        self._entries = catalogue.entries(self._rng, self._world)
        self._file = home / "covers.yaml"
        catalogue.write(self._entries, self._file)
        self._tools = [Tool(home / name, self._clock, self._service, PROJECT) for name in ("one", "other")]
        self._oracle = Oracle(self._service, [tool.state for tool in self._tools], rules)

    def play(self) -> int:
        for _ in range(self._rng.randint(1, 3)):
            self._pause((1, 1, 30, 200, 400))
            verbs = (self._plan, self._audit, self._apply, self._apply, self._saved, self._saved, self._rollback)
            self._rng.choice((*verbs, self._import))()
            if self._rng.random() < 0.25:
                self._edit()
        self._calm_end()
        return self._world.verb

    def _pause(self, lengths: tuple[int, ...]) -> None:
        """Time between two verbs, in which others may change something."""
        span = self._rng.choice(lengths)
        if self._rng.random() < 0.35:
            changes.schedule(self._rng, self._world, self._clock.time, span, self._rng.randint(1, 3))
        self._clock.time += span + 1
        self._world.advance()

    def _edit(self) -> None:
        self._entries = catalogue.entries(self._rng, self._world)
        catalogue.write(self._entries, self._file)
        self._world.note("the desired file is written again")

    def _plan(self) -> None:
        detailed = self._rng.random() < 0.5
        self._verb("plan", str(self._file), *(["--detailed-exitcode"] if detailed else []), detailed=detailed)

    def _audit(self) -> None:
        self._verb("audit", str(self._file))

    def _apply(self) -> None:
        arguments, more = self._changing()
        self._verb("apply", str(self._file), "--auto-approve", *arguments, **more)

    def _changing(self) -> tuple[list[str], dict[str, Any]]:
        wait, force = self._rng.random() < 0.4, self._rng.random() < 0.8
        arguments = ["--wait"] if wait else []
        arguments += ["--force"] if force else []
        arguments += ["--compare", "content"] if self._rng.random() < 0.1 else []
        more: dict[str, Any] = {"wait": wait, "force": force}
        if self._flags.random() < 0.3:
            arguments += ["--replace-unreadable"]
            more["replace_unreadable"] = True
        if wait and self._flags.random() < 0.2:
            looks = self._flags.choice((1, 3))
            arguments += ["--wait-looks", str(looks)]
            more["wait_looks"] = looks
        if self._rng.random() < 0.3:
            arguments += ["--write-quota", "2/10 seconds"]
            more["write_quota"] = (2, 10.0)
        return arguments, more

    def _saved(self) -> None:
        file = self._home / "plan.json"
        file.unlink(missing_ok=True)
        planned = self._verb("plan", str(self._file), "--out", str(file))
        if not file.exists():
            return
        self._pause((1, 30, 400))
        arguments, more = self._changing()
        plan = json.loads(file.read_text(encoding="utf-8"))
        self._verb("apply", "--plan", str(file), *arguments, plan=plan, planned_at=planned.ran.began, **more)

    def _rollback(self) -> None:
        wait = self._rng.random() < 0.3
        named = self._named_run() if self._rng.random() < 0.3 else []
        self._verb("rollback", *named, "--auto-approve", *(["--wait"] if wait else []), wait=wait)

    def _named_run(self) -> list[str]:
        """Any run of the first machine, as its history names it; perhaps a rollback itself."""
        history = self._tools[0].run("history").document or {}
        done = [item for item in history.get("runs", []) if item["summary"]["applied"] or item["summary"]["restored"]]
        runs = [item["run"] for item in done]
        return [self._rng.choice(runs)] if runs else []

    def _import(self) -> None:
        file = self._home / "imported.yaml"
        file.unlink(missing_ok=True)
        self._verb("import", "--out", str(file))

    def _calm_end(self) -> None:
        self._world.coming.clear()
        self._clock.time += 400
        if self._rng.random() < 0.4:
            self._verb("rollback", "--auto-approve", calm=True)
            self._clock.time += 400
        arguments = ("--auto-approve", "--force", "--wait")
        self._verb("apply", str(self._file), *arguments, calm=True, wait=True)
        self._clock.time += self._rng.choice((0, 302))
        self._verb("plan", str(self._file), calm=True, quiet_end=True)

    def _verb(self, name: str, *arguments: str, calm: bool = False, **more: Any) -> Verb:
        """Runs a verb and has it judged.

        Raises:
            Broken: it broke a rule.
        """
        self._world.verb += 1
        weather_now = Weather() if calm else self._weather()
        self._service.weather, self._service.interrupted = weather_now, False
        if not calm and self._rng.random() < 0.3:
            unlucky = [one for route, one in weather_now.faults if route == "cover" and self._rng.random() < 0.7]
            count = self._rng.randint(1, 3)
            changes.schedule(self._rng, self._world, self._clock.time, 5.0, count, unlucky)
        machine = 0 if calm or self._rng.random() < 0.85 else 1
        self._world.actor = f"machine {machine}"
        self._world.note(
            f"--- verb {self._world.verb}, machine {machine}: {name} {' '.join(arguments)} ({weather_now})"
        )
        ran = self._tools[machine].run(name, *arguments)
        self._world.advance()
        verb = Verb(
            self._world.verb, name, ran, weather_now, list(self._entries), machine, self._service.interrupted, **more
        )
        broken = self._oracle.judge(verb)
        if broken:
            raise Broken(broken[0], page(self._seed, self._service, verb, broken))
        self._clock.time += 1.5  # so that no two runs begin within the same second
        return verb

    def _weather(self) -> Weather:
        if self._rng.random() < 0.4:
            return Weather()
        share = self._rng.choice((0.15, 0.3, 0.6))
        drawn = weather.draw(self._rng, list(self._world.assets), share)
        if self._rng.random() < 0.05:
            drawn.revoked = self._clock.time + self._rng.uniform(0.2, 12)
        elif self._rng.random() < 0.05:
            drawn.interrupted = self._clock.time + self._rng.uniform(0.2, 12)
        return drawn
