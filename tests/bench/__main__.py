"""`python -m tests.bench [NAME...]`: measure all or the named benchmarks, print a table, write the JSON file.

The exit code says whether everything could be measured, not whether every goal was met.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

from tests.bench.catalogue import BENCHES
from tests.bench.figures import Figure
from tests.bench.report import table, write_results
from tests.bench.scale import FULL

RESULTS = Path("bench-results.json")


def main() -> int:
    """Run the benchmarks one after another; one that fails does not stop the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure speed and memory.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; all when none is named")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"the JSON file [{RESULTS}]")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    for name in arguments.names or BENCHES:
        began = perf_counter()
        print(f"{name} … ", end="", file=sys.stderr, flush=True)
        try:
            figures += BENCHES[name](FULL)
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"
        print(f"{perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    print(table(figures))
    for name, reason in failures.items():
        print(f"{name} could not be measured: {reason}")
    write_results(arguments.output, figures, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
