"""Thousands of simulations; each seed plays the same one again.

python tests/simulator --runs 1000 --seed 1
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> int:
    """Plays the seeds from --seed on; says what broke, and how often."""
    from simulator.rules import RULES
    from simulator.simulation import Broken, simulate

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", action="append", default=[], choices=sorted(RULES), help="a rule not to judge by")
    parser.add_argument("--only", action="append", default=[], choices=sorted(RULES), help="judge by these alone")
    parser.add_argument("--keep-going", action="store_true", help="count what broke, and show one page of each kind")
    given = parser.parse_args()
    rules = [rule for rule in given.only or RULES if rule not in given.skip]
    broken: Counter[str] = Counter()
    verbs = 0
    for seed in range(given.seed, given.seed + given.runs):
        try:
            verbs += simulate(seed, rules)
        except Broken as error:
            rule = error.violation.rule
            if not broken[rule] or not given.keep_going:
                print(f"{error}\n", file=sys.stderr)
            broken[rule] += 1
            if not given.keep_going:
                return 1
        except BaseException:
            print(f"seed {seed} failed", file=sys.stderr)
            raise
    told = ", ".join(f"{count} broke {rule}" for rule, count in broken.most_common()) or "none broke a rule"
    print(f"{given.runs} runs from seed {given.seed}, {verbs} verbs: {told}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
