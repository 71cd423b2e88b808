"""`python -m tests.crash`: kill whole headless runs at random and at every named failpoint, while the venue misbehaves.

Prints the number of crashes without a failure; the exit code is 1 if there was a failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from ama_tui.disk.failpoints import NAMES
from tests.crash.lives import Chapter, LifeResult, live

KILLS_A_LIFE = 10
TIMES_A_FAILPOINT = 20
TAKERS = (0.0, 0.3)
"""The share of the fleet that takes, in every other life."""


class Result(Protocol):
    """The result of a life: its crashes, and '' or a traceback."""

    @property
    def crashes(self) -> int: ...
    @property
    def failure(self) -> str: ...


C = TypeVar("C")
R = TypeVar("R", bound=Result)


def main() -> int:
    """Run all lives, several in parallel, and report the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="random kills in all [1000]")
    parser.add_argument("--each-failpoint", type=int, default=TIMES_A_FAILPOINT, help="crashes at each failpoint [20]")
    parser.add_argument("--jobs", type=int, default=2, help="lives side by side [2]")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of kills, sweeps and faults [the time]")
    parser.add_argument("--keep", type=Path, default=None, help="where state directories are kept [nowhere]")
    arguments = parser.parse_args()
    chapters = plan(arguments.kills, arguments.each_failpoint, arguments.seed)
    print(f"seed {arguments.seed}: {len(chapters)} lives", file=sys.stderr)
    with TemporaryDirectory(prefix="ama-crash-") as temporary:
        results = live_all(live, chapters, arguments.keep or Path(temporary), arguments.jobs)
    return _report(results)


def plan(kills: int, each_failpoint: int, seed: int) -> list[Chapter]:
    """The lives that make up this many crashes."""
    chance = random.Random(seed)
    points = [f"{name}:{chance.randint(1, 6)}" for name in NAMES for _ in range(each_failpoint)]
    chance.shuffle(points)
    crashes = [""] * kills + points
    return [
        Chapter(number, chance.getrandbits(32), tuple(crashes[start : start + KILLS_A_LIFE]), TAKERS[number % 2])
        for number, start in enumerate(range(0, len(crashes), KILLS_A_LIFE))
    ]


def live_all(live_one: Callable[[C, Path], R], chapters: Sequence[C], directory: Path, jobs: int) -> list[R]:
    """Run all lives, `jobs` of them in parallel, each in its own process; progress goes to stderr."""
    began = time.monotonic()
    results: list[R] = []
    with ProcessPoolExecutor(jobs) as pool:
        for done in as_completed(pool.submit(live_one, chapter, directory) for chapter in chapters):
            results.append(done.result())
            crashes = sum(result.crashes for result in results)
            failures = sum(bool(result.failure) for result in results)
            spent = time.monotonic() - began
            print(f"{spent:6.0f} s  {crashes} crashes, {failures} failures", file=sys.stderr, flush=True)
            if results[-1].failure:
                print(results[-1].failure, file=sys.stderr, flush=True)
    return results


def _report(results: list[LifeResult]) -> int:
    failures = [result for result in results if result.failure]
    asked = sum(result.asked for result in results)
    crashes = sum(result.crashes for result in results)
    placed = sum(result.placed for result in results)
    taken = sum(result.taken for result in results)
    print(f"{crashes} of {asked} crashes, {len(failures)} failures; {placed} orders placed, each of them once")
    print(f"{taken} market orders, each with an intent of its own and none with the fleet")
    for result in failures:
        print(f"life {result.number}: {result.failure.splitlines()[-1]}")
    return 1 if failures or crashes != asked else 0


if __name__ == "__main__":
    sys.exit(main())
