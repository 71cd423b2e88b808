"""The figures as a table for people and as a JSON file for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.bench.figures import Figure

HEADINGS = ("work", "goal", "measured", "", "detail", "printed by")
_RIGHT_ALIGNED = (False, True, True, False, False, False)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure and the command that prints it."""

    figure: Figure
    command: str


def table(rows: Sequence[Row]) -> str:
    """Name, goal, measured value, ok or over, detail, command: a line each under the headings."""
    cells = [HEADINGS] + [
        (
            row.figure.name,
            "" if row.figure.goal is None else f"{row.figure.goal} {row.figure.unit:2}",
            f"{shown(row.figure.value)} {row.figure.unit:2}",
            row.figure.verdict,
            row.figure.detail,
            row.command,
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(row, widths, _RIGHT_ALIGNED, strict=True)
    ]
    return "  ".join(cells).rstrip()


def shown(value: float) -> str:
    """Three significant digits: 0.0420, 1.07, 12.3, 4,120."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def write_results(path: Path, rows: Sequence[Row], failures: Mapping[str, str]) -> None:
    """Write what was measured, and on what, as JSON."""
    results = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "textual": version("textual"),
        "figures": [
            {
                "name": row.figure.name,
                "value": round(row.figure.value, 6),
                "unit": row.figure.unit,
                "goal": None if row.figure.goal is None else str(row.figure.goal),
                "verdict": row.figure.verdict or None,
                "detail": row.figure.detail,
                "command": row.command,
            }
            for row in rows
        ],
        "failures": dict(failures),
    }
    path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
