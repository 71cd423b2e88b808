"""`python -m tests.crash.sessions`: kill whole runs while their sessions are made, on a venue that loses requests.

Half of the lives have a block per transaction, half a block a second. Each crash leaves several wallets' requests on
their way. In the end every wallet has exactly one live session of each market, and it is the one that the run uses.
The exit code is 1 when that is not so.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.crash.__main__ import live_all
from tests.crash.session_life import SessionChapter, SessionLife, live_with_sessions

CRASHES_A_LIFE = 10
FAILPOINTS = ("intent.before", "intent.after", "outcome.before", "outcome.after")
RANDOM_SHARE = 0.6
BLOCK_TIMES = (0.0, 1.0)


def main() -> int:
    """Run all lives, several in parallel, and report the results."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.sessions", description=__doc__)
    parser.add_argument("--crashes", type=int, default=500, help="crashes in all [500]")
    parser.add_argument("--jobs", type=int, default=2, help="lives side by side [2]")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of kills and faults [the time]")
    parser.add_argument("--keep", type=Path, default=None, help="where state directories are kept [nowhere]")
    parser.add_argument("--life", type=int, default=None, help="only this life of them, by its number [all]")
    arguments = parser.parse_args()
    chapters = [
        one for one in plan(arguments.crashes, arguments.seed) if arguments.life is None or one.number == arguments.life
    ]
    print(f"seed {arguments.seed}: {len(chapters)} lives", file=sys.stderr)
    with TemporaryDirectory(prefix="ama-crash-") as temporary:
        results = live_all(live_with_sessions, chapters, arguments.keep or Path(temporary), arguments.jobs)
    return _report(results)


def plan(crashes: int, seed: int) -> list[SessionChapter]:
    """The lives that make up this many crashes: kills at random moments, and every failpoint equally often."""
    chance = random.Random(seed)
    kills = round(crashes * RANDOM_SHARE)
    points = [""] * kills + [FAILPOINTS[number % len(FAILPOINTS)] for number in range(crashes - kills)]
    chance.shuffle(points)
    return [
        SessionChapter(
            number,
            chance.getrandbits(32),
            tuple(points[start : start + CRASHES_A_LIFE]),
            BLOCK_TIMES[number % len(BLOCK_TIMES)],
        )
        for number, start in enumerate(range(0, crashes, CRASHES_A_LIFE))
    ]


def _report(results: list[SessionLife]) -> int:
    failures = [result for result in results if result.failure]
    asked, crashes, caught, wanted, made = (
        sum(getattr(result, name) for result in results) for name in ("asked", "crashes", "caught", "wanted", "made")
    )
    print(
        f"{crashes} of {asked} crashes hit {caught} sessions on their way, {len(failures)} failures; "
        f"{made} sessions made where {wanted} were wanted"
    )
    for result in sorted(failures, key=lambda one: one.number):
        print(f"life {result.number}: {result.failure.splitlines()[-1]}")
    return 1 if failures or crashes != asked else 0


if __name__ == "__main__":
    sys.exit(main())
