"""`python -m tests.hostile [WORD...]`: run every lie of the table, or those whose name contains a word."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.hostile.lies import LIES
from tests.hostile.runs import Result, run_lie

JOBS = 2


def one(index: int) -> Result | str:
    """Run one row in this process; an exception is a failure of the row."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            result = asyncio.run(run_lie(LIES[index], Path(directory)))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return "" if not result.failure else result.failure


def main() -> int:
    words = sys.argv[1:]
    chosen = [index for index, lie in enumerate(LIES) if not words or any(word in lie.name for word in words)]
    failures = 0
    with ProcessPoolExecutor(JOBS) as pool:
        running = {pool.submit(one, index): index for index in chosen}
        for done in as_completed(running):
            lie, failure = LIES[running[done]], done.result()
            failures += bool(failure)
            mark = "FAILED" if failure else "ok"
            print(f"{mark:6}  {lie.name} ({lie.since.value}): {failure or lie.outcome.value}", flush=True)
    print(f"{len(chosen) - failures} of {len(chosen)} lies behave as stated")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
