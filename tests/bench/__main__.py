"""`python -m tests.bench [--short|--long] [NAME...]`: measure, print a table, compare with the baseline.

The exit code is 1 if something could not be measured, or if a count (requests, intents) is worse than the baseline:
counts depend on the code alone. Times, ratios and goals that are missed are only shown: a busy machine misses them too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from ama_tui.cli.hardening import allow_many_files
from tests.bench.baseline import comparison, read_baseline, worse, write_baseline
from tests.bench.catalogue import BENCHES, SUITES
from tests.bench.figures import Kind
from tests.bench.report import Row, table, write_results

RESULTS = Path("bench-results.json")


def main() -> int:
    """Run the benchmarks one after another; one that fails does not stop the others."""
    arguments = _arguments()
    allow_many_files()
    suite = SUITES[arguments.suite]
    rows: list[Row] = []
    failures: dict[str, str] = {}
    for name in arguments.names or suite.names:
        began = perf_counter()
        print(f"{name} … ", end="", file=sys.stderr, flush=True)
        try:
            command = f"python -m tests.bench {suite.option}{name}"
            rows += [Row(figure, command) for figure in BENCHES[name](suite.scale)]
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"
        print(f"{perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    figures, kept = [row.figure for row in rows], read_baseline()
    print(table(rows))
    print(comparison(figures, kept))
    for name, reason in failures.items():
        print(f"{name} could not be measured: {reason}")
    write_results(arguments.output, rows, failures)
    if arguments.write_baseline:
        write_baseline(figures)
    has_worse_count = any(one.figure.kind is Kind.COUNT for one in worse(figures, kept))
    return 1 if failures or (has_worse_count and not arguments.write_baseline) else 0


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure speed and memory.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; all when none is named")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--short", action="store_const", dest="suite", const="short", help="small sizes, in under two minutes"
    )
    sizes.add_argument("--long", action="store_const", dest="suite", const="long", help="large sizes, in about an hour")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"the JSON file [{RESULTS}]")
    parser.add_argument(
        "--write-baseline", action="store_true", help="keep these figures in tests/bench/baseline.json afterwards"
    )
    parser.set_defaults(suite="full")
    arguments = parser.parse_args(words)
    unknown = [name for name in arguments.names if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
