"""The benchmarks by name. Each takes a scale and returns its figures; a new one is a new line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench import cycles, dashboard, day, journal, live, packing, paint, planning, reaction, upkeep
from tests.bench.figures import Figure
from tests.bench.scale import FULL, LONG, SHORT, Scale

BENCHES: Mapping[str, Callable[[Scale], list[Figure]]] = {
    "reaction": reaction.measure,
    "cycles": cycles.measure,
    "packing": packing.measure,
    "upkeep": upkeep.measure,
    "journal": journal.measure,
    "dashboard": dashboard.measure,
    "live": live.measure,
    "paint": paint.measure,
    "planning": planning.measure,
    "day": day.measure,
}


@dataclass(frozen=True, slots=True)
class Suite:
    """What one call measures unless it names benchmarks."""

    option: str
    """How the command asks for it."""
    scale: Scale
    names: tuple[str, ...]


SUITES = {
    "short": Suite("--short ", SHORT, ("reaction", "cycles", "packing", "upkeep", "journal")),
    "full": Suite(
        "",
        FULL,
        ("reaction", "cycles", "packing", "upkeep", "journal", "dashboard", "live", "paint", "planning"),
    ),
    "long": Suite("--long ", LONG, ("cycles", "packing", "journal", "dashboard", "day")),
}
