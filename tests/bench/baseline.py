"""The figures of an earlier run in `baseline.json`, and which of today's are worse.

Only figures that hardly depend on the machine are kept: ratios, processor times and counts. A name has its sizes in it,
so the short, the usual and the long run share the file.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Figure, Kind
from tests.bench.report import shown

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.15
"""A figure may grow by this share before it counts as worse."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A figure of an earlier run."""

    value: float
    date: str
    machine: str


@dataclass(frozen=True, slots=True)
class Worse:
    """A figure that grew by more than the tolerance."""

    figure: Figure
    before: Kept

    @property
    def text(self) -> str:
        """`worse: packing 1,200 orders, 1 s blocks, to bare 1.10 × → 1.35 × (+23 %)`."""
        unit = f" {self.figure.unit}".rstrip()
        change = f" (+{self.figure.value / self.before.value - 1:.0%})" if self.before.value else ""
        return f"worse: {self.figure.name} {shown(self.before.value)}{unit} → {shown(self.figure.value)}{unit}{change}"


def machine() -> str:
    """The kind of this machine: `Linux x86_64, 2 CPUs, Python 3.11`."""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {python}"


def read_baseline(path: Path = BASELINE) -> dict[str, Kept]:
    """The kept figures by name; none if there is no file yet."""
    if not path.exists():
        return {}
    figures: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))["figures"]
    return {
        name: Kept(float(str(one["value"])), str(one["date"]), str(one["machine"])) for name, one in figures.items()
    }


def write_baseline(figures: Iterable[Figure], path: Path = BASELINE) -> None:
    """Replace these figures in the file; what was not measured stays."""
    today = datetime.now(UTC).date().isoformat()
    kept = read_baseline(path)
    for figure in figures:
        if figure.kind is not Kind.TIME:
            kept[figure.name] = Kept(round(figure.value, 4), today, machine())
    entries = {
        name: {"value": one.value, "date": one.date, "machine": one.machine} for name, one in sorted(kept.items())
    }
    path.write_text(json.dumps({"figures": entries}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def worse(figures: Iterable[Figure], kept: Mapping[str, Kept]) -> list[Worse]:
    """The figures that are worse than before by more than the tolerance."""
    return [
        Worse(figure, before)
        for figure in figures
        if figure.kind is not Kind.TIME and (before := kept.get(figure.name)) is not None
        if figure.value > before.value * (1 + TOLERANCE)
    ]


def comparison(figures: Iterable[Figure], kept: Mapping[str, Kept]) -> str:
    """What to print: the worse figures, or that there are none; and what could not be compared."""
    compared = [figure for figure in figures if figure.kind is not Kind.TIME]
    known = [figure for figure in compared if figure.name in kept]
    lines = [one.text for one in worse(known, kept)]
    if known and not lines:
        lines.append(f"none of {len(known)} figures is worse than the baseline by more than {TOLERANCE:.0%}")
    others = sorted({kept[figure.name].machine for figure in known} - {machine()})
    if others:
        lines.append(f"the baseline is of another machine: {'; '.join(others)}")
    if len(known) < len(compared):
        lines.append(f"not in the baseline: {', '.join(figure.name for figure in compared if figure.name not in kept)}")
    return "\n".join(lines)
