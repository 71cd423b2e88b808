"""`python -m tests.mutants`: mutation tests of the code that decides and remembers; the share of mutants killed.

mutmut creates the mutants (pyproject names the files) and runs for each the tests that reach it. A mutant that makes
its tests hang counts as killed. The exit code is 1 below the goal.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

GOAL = 0.85
WORK = Path("mutants")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
KILLED = frozenset({"killed", "timeout", "suspicious", "segfault"})


def main() -> int:
    """Run every mutant again and print the survivors by file."""
    shutil.rmtree(WORK, ignore_errors=True)
    run = subprocess.run([MUTMUT, "run", "--max-children", "2"], check=False)
    if run.returncode:
        return run.returncode
    said = subprocess.run([MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True).stdout
    by_file: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in said.splitlines():
        mutant, _, status = line.strip().partition(": ")
        if status:
            by_file[mutant.rsplit(".", 1)[0]][status] += 1
    for name, statuses in sorted(by_file.items()):
        print(f"{name:34} {_sentence(statuses)}")
    everything = sum(by_file.values(), Counter())
    print(_sentence(everything))
    return 0 if _share(everything) >= GOAL else 1


def _sentence(statuses: Counter[str]) -> str:
    killed = sum(statuses[status] for status in KILLED)
    return f"{killed} of {statuses.total()} killed ({_share(statuses):.1%})"


def _share(statuses: Counter[str]) -> float:
    return sum(statuses[status] for status in KILLED) / max(1, statuses.total())


if __name__ == "__main__":
    sys.exit(main())
