"""The benchmarks by name. Each takes a scale and returns its figures; a new one is a new line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.bench import cycles, day, decoding, journal, live, memory, packing, paint, planning, upkeep, venue
from tests.bench.figures import Figure
from tests.bench.scale import Scale

BENCHES: Mapping[str, Callable[[Scale], list[Figure]]] = {
    "cycles": cycles.measure,
    "packing": packing.measure,
    "planning": planning.measure,
    "paint": paint.measure,
    "live": live.measure,
    "memory": memory.measure,
    "day": day.measure,
    "decoding": decoding.measure,
    "journal": journal.measure,
    "upkeep": upkeep.measure,
    "venue": venue.measure,
}
