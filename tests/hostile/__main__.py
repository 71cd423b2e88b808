"""`python -m tests.hostile [WORD...]`: run every lie of the table, or those whose name contains a word; then the kills.

With words no kills are made. `--kills N` makes so many, and no runs.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.hostile.kills import kill_under, plan
from tests.hostile.lies import LIES
from tests.hostile.runs import run_lie

JOBS = 2
KILLS = 100


def run_row(index: int) -> tuple[str, str]:
    """The name of a row, and why it failed ('' if it did not)."""
    lie = LIES[index]
    with tempfile.TemporaryDirectory() as directory:
        try:
            failure = asyncio.run(run_lie(lie, Path(directory))).failure
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
    return f"{lie.name} ({lie.since.value}): {lie.outcome.value}", failure


def kill_row(kill: tuple[str, bool]) -> tuple[str, str]:
    """The same of a cancel-all: it fails if it is called proven while orders rest, or if the truth is not enough."""
    name, relayer_works = kill
    with tempfile.TemporaryDirectory() as directory:
        try:
            result = asyncio.run(kill_under(name, Path(directory), relayer_works=relayer_works))
        except Exception as error:
            return name, f"{type(error).__name__}: {error}"
    said = "proven" if result.is_proven else "not proven"
    failure = ""
    if result.is_false:
        failure = f"false proof with {result.open_orders} orders open: {result.text}"
    elif name == "the truth" and relayer_works and not result.is_proven:
        failure = f"the truth was not enough: {result.text}"
    return f"kill, {name}: {said}, {result.open_orders} open ({result.text[:80]})", failure


def run_all(work: Callable[..., tuple[str, str]], rows: Sequence[object]) -> int:
    """Run rows side by side and print each; returns how many failed."""
    failures = 0
    with ProcessPoolExecutor(JOBS) as pool:
        for done in as_completed([pool.submit(work, row) for row in rows]):
            name, failure = done.result()
            failures += bool(failure)
            print(f"{'FAILED' if failure else 'ok':6}  {name}{f': {failure}' if failure else ''}", flush=True)
    return failures


def main() -> int:
    words = sys.argv[1:]
    failures = 0
    if words[:1] != ["--kills"]:
        chosen = [index for index, lie in enumerate(LIES) if not words or any(word in lie.name for word in words)]
        failures = run_all(run_row, chosen)
        print(f"{len(chosen) - failures} of {len(chosen)} lies behave as stated")
    if not words or words[0] == "--kills":
        count = int(words[1]) if words else KILLS
        false = run_all(kill_row, plan(count, seed=1))
        print(f"{count - false} of {count} kills: {false} false proofs or failures")
        failures += false
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
