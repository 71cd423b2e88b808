"""`python -m tests.soak`: 30 simulated days, then an hour of real processes under chaos; what grows or slows down?

Prints a line for each thing that must hold; the exit code is 1 when one does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak import real_time, simulated
from tests.soak.verdicts import Verdict


def main() -> int:
    """Run it all and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--days", type=float, default=30.0, help="simulated time, 0 for none [30]")
    parser.add_argument("--minutes", type=float, default=60.0, help="real time under chaos, 0 for none [60]")
    parser.add_argument("--keep", type=Path, default=None, help="a new directory that keeps all samples [nowhere]")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="ama-soak-") as temporary:
        directory = arguments.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        return max(map(report, parts(arguments.days, arguments.minutes, directory)), default=0)


def parts(days: float, minutes: float, directory: Path) -> Iterator[list[Verdict]]:
    """The verdicts of each part, the short one first."""
    if days:
        yield simulated.soak(simulated.Scale(days=days), directory)
    if minutes:
        yield real_time.soak(real_time.Scale(seconds=60 * minutes), directory)


def report(verdicts: list[Verdict]) -> int:
    """Print the verdicts; the exit code."""
    for verdict in verdicts:
        print(verdict.text, flush=True)
    return 0 if all(verdict.ok for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
