"""Does anything grow or slow down? The last quarter of a run beside its second; the first is for warming up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.soak.samples import Sample

MEGABYTE = 1_000_000
MEMORY_RISE = 1.05
CYCLE_RISE = 1.5
"""For the time on the clock, which other work on the machine lengthens."""
CPU_RISE = 1.2
"""For the processor time of a cycle."""
A_FEW = 3
"""Connections, tasks and threads come and go."""
ERRORS_RISE = 1.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that must hold, and what was seen of it."""

    name: str
    ok: bool
    seen: str

    @property
    def text(self) -> str:
        return f"{'ok  ' if self.ok else 'FAIL'}  {self.name:38} {self.seen}"


def of_process(name: str, samples: Sequence[Sample]) -> list[Verdict]:
    """Memory, descriptors, threads and tasks of a process."""
    return [
        rises(f"{name}: memory, MB", samples, lambda one: one.rss / MEGABYTE, MEMORY_RISE),
        rises(f"{name}: descriptors", samples, lambda one: one.fds, 1, A_FEW),
        rises(f"{name}: threads", samples, lambda one: one.threads, 1, A_FEW),
        rises(f"{name}: tasks", samples, lambda one: one.tasks, 1, A_FEW),
    ]


def of_engine(name: str, samples: Sequence[Sample]) -> list[Verdict]:
    """The cycles, errors, fills and prices of a process with an engine."""
    busy = [one for one in samples if one.cycles]
    last = samples[-1]
    errors = [sum(one.errors.values()) for one in samples]
    at_half = errors[len(errors) // 2]
    kinds = ", ".join(f"{kind} {count}" for kind, count in last.errors.items())
    is_steady = errors[-1] - at_half <= ERRORS_RISE * at_half + A_FEW
    return [
        rises(f"{name}: cycle, ms of processor", busy, lambda one: 1000 * one.cpu / one.cycles, CPU_RISE),
        Verdict(f"{name}: errors", is_steady, f"{at_half} in the first half, {errors[-1] - at_half} since: {kinds}"),
        Verdict(f"{name}: fills", _goes_on(samples, lambda one: one.fills), f"{last.fills}"),
        Verdict(f"{name}: crossed", last.crossed == 0, f"{last.crossed}"),
        Verdict(f"{name}: push", any(one.news == "push" for one in samples[-len(samples) // 4 :]), last.news),
    ]


def of_clock(name: str, samples: Sequence[Sample]) -> Verdict:
    """How long a cycle takes on the clock."""
    return rises(f"{name}: cycle, ms", [one for one in samples if one.cycle_ms], lambda one: one.cycle_ms, CYCLE_RISE)


def rises(
    name: str, samples: Sequence[Sample], of: Callable[[Sample], float], most: float, more: float = 0.0
) -> Verdict:
    """Is the last quarter's median at most `most` times the second's, plus `more`?"""
    if len(samples) < 4:
        return Verdict(name, False, f"only {len(samples)} samples")
    quarters = [median(map(of, part)) for part in _quarters(samples)]
    seen = " → ".join(f"{value:.1f}" for value in quarters)
    change = f" ({quarters[3] / quarters[1] - 1:+.1%})" if quarters[1] else ""
    return Verdict(name, quarters[3] <= most * quarters[1] + more, seen + change)


def _goes_on(samples: Sequence[Sample], of: Callable[[Sample], int]) -> bool:
    """Does a counter still count in the last quarter?"""
    last = _quarters(samples)[3]
    return bool(last) and of(samples[-1]) > of(last[0])


def _quarters(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    ends = [round(len(samples) * part / 4) for part in range(5)]
    return [samples[start:end] for start, end in pairwise(ends)]
