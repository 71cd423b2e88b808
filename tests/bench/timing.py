"""Timing of computations, relative to a fixed loop that stands for the machine's speed.

The best of many runs counts: whatever else the machine does can only make a run slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import quantiles
from time import perf_counter


def best_ms(actions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The best time of each action by name, in milliseconds; they take turns, after a warm-up round."""
    best = dict.fromkeys(actions, float("inf"))
    for action in actions.values():
        action()
    for _ in range(repeats):
        for name, action in actions.items():
            began = perf_counter()
            action()
            best[name] = min(best[name], (perf_counter() - began) * 1000)
    return best


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; of one value that value."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def reference_loop() -> int:
    """A fixed amount of integer arithmetic, dictionary writes and small tuples. Changing it changes every ratio."""
    total = 0
    seen: dict[int, tuple[int, int]] = {}
    for number in range(100_000):
        total = (total * 31 + number) % 1_000_003
        seen[total & 1023] = (number, total)
    return total + len(seen)
