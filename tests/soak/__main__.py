"""`python -m tests.soak`: an hour of real processes under chaos; is there anything that grows or slows down?

Prints a line for each thing that must hold; the exit code is 1 when one does not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak import real_time
from tests.soak.verdicts import Verdict


def main() -> int:
    """Run it all and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="real time under chaos [60]")
    parser.add_argument("--keep", type=Path, default=None, help="a new directory that keeps all samples [nowhere]")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="ama-soak-") as temporary:
        directory = arguments.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        verdicts = real_time.soak(real_time.Scale(seconds=60 * arguments.minutes), directory)
    return report(verdicts)


def report(verdicts: list[Verdict]) -> int:
    """Print the verdicts; the exit code."""
    for verdict in verdicts:
        print(verdict.text)
    return 0 if all(verdict.ok for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
