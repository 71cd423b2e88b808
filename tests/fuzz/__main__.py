"""`python -m tests.fuzz`: malformed bodies through every parser; only our own errors may be raised."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.feeding import Indigestible, feed
from tests.fuzz.parsers import parsers


def main() -> int:
    """Feed every parser its share and print how many bodies went through."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000, help="malformed bodies in all [100,000]")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is broken how [the time]")
    arguments = parser.parse_args()
    fed = failures = 0
    with TemporaryDirectory(prefix="ama-fuzz-") as directory:
        found = parsers(Path(directory))
        share = -(-arguments.bodies // len(found))
        print(f"seed {arguments.seed}: {len(found)} parsers, {share:,} bodies each", file=sys.stderr)
        for name, one in found.items():
            try:
                result = feed(one, share, arguments.seed)
            except (Indigestible, AssertionError) as error:
                failures += 1
                print(f"{name}: {error}")
                continue
            fed += result.bodies
            print(f"{name:16} {result.bodies:,} bodies, {result.refused:,} refused", file=sys.stderr, flush=True)
    print(f"{fed:,} of {arguments.bodies:,} bodies, {failures} failures")
    return 1 if failures or fed < arguments.bodies else 0


if __name__ == "__main__":
    sys.exit(main())
