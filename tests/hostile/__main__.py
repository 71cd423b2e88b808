"""`python -m tests.hostile [WORD...]`: run every lie of the table, or those whose name contains a word; then the rest.

The rest are kills, and signals at random moments. With words there is only that; `--kills N` makes this many kills and
nothing else, `--signals N [SEED]` this many tries of each signal.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.hostile.kills import Kill, kill_under, plan
from tests.hostile.lies import LIES
from tests.hostile.runs import run_lie
from tests.hostile.signal_ways import SIGNALS
from tests.hostile.signal_ways import plan as signal_plan
from tests.hostile.signals import counts, signal_row

JOBS = 2
SIGNAL_JOBS = 4
"""These mostly wait."""
KILLS = 100
TRIES = 200
"""Of each signal."""


def run_row(index: int) -> tuple[str, str]:
    """The name of a row, and why it failed ('' if it did not)."""
    lie = LIES[index]
    with tempfile.TemporaryDirectory() as directory:
        try:
            failure = asyncio.run(run_lie(lie, Path(directory))).failure
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
    return f"{lie.name} ({lie.since.value}): {lie.outcome.value}", failure


def kill_row(kill: Kill) -> tuple[str, str]:
    """The same for a cancel-all: it fails if it is proven while orders rest, or not proven by honest responses."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            result = asyncio.run(kill_under(kill, Path(directory)))
        except Exception as error:
            return kill.text, f"{type(error).__name__}: {error}"
    said = "proven" if result.is_proven else "not proven"
    failure = ""
    if result.is_false:
        failure = f"false proof with {result.open_orders} orders open: {result.text}"
    elif kill.name == "the truth" and kill.relayer_works and not result.is_proven:
        failure = f"the truth was not enough: {result.text}"
    return f"kill, {kill.text}: {said}, {result.open_orders} open ({result.text[:80]})", failure


def run_all(work: Callable[..., tuple[str, str]], rows: Sequence[object], jobs: int = JOBS) -> list[tuple[str, str]]:
    """Run rows in parallel and print each; returns their names and failures."""
    results = []
    with ProcessPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(work, row) for row in rows]):
            name, failure = done.result()
            results.append((name, failure))
            print(f"{'FAILED' if failure else 'ok':6}  {name}{f': {failure}' if failure else ''}", flush=True)
    return results


def failed(results: Sequence[tuple[str, str]]) -> int:
    return sum(bool(failure) for _, failure in results)


def main() -> int:
    words = sys.argv[1:]
    part = words[0] if words and words[0].startswith("--") else ""
    failures = 0
    if not part:
        chosen = [index for index, lie in enumerate(LIES) if not words or any(word in lie.name for word in words)]
        failures = failed(run_all(run_row, chosen))
        print(f"{len(chosen) - failures} of {len(chosen)} lies behave as stated")
    if not words or part == "--kills":
        count = int(words[1]) if part else KILLS
        false = failed(run_all(kill_row, plan(count, seed=1)))
        print(f"{count - false} of {count} kills: {false} false proofs or failures")
        failures += false
    if not words or part == "--signals":
        count, seed = (*map(int, words[1:]), 1)[:2] if part else (TRIES, 1)
        results = run_all(signal_row, signal_plan(count, seed), SIGNAL_JOBS)
        print(f"{count} tries of each of {len(SIGNALS)} signals: {counts(results)}")
        failures += failed(results)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
