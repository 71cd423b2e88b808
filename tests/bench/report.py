"""The figures as a table for people and as a JSON file for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from tests.bench.figures import Figure

HEADINGS = ("name", "measured", "goal", "", "detail")
_RIGHT_ALIGNED = (False, True, True, False, False)


def table(figures: Sequence[Figure]) -> str:
    """Name, measured value, goal, ok or over, detail: a line each under the headings."""
    rows = [HEADINGS] + [
        (
            figure.name,
            f"{shown(figure.value)} {figure.unit:5}",
            "" if figure.goal is None else f"{figure.goal} {figure.unit:5}",
            figure.verdict,
            figure.detail,
        )
        for figure in figures
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(row, widths, _RIGHT_ALIGNED, strict=True)
    ]
    return "  ".join(cells).rstrip()


def shown(value: float) -> str:
    """Three digits that count: 0.0420, 1.07, 12.3, 4,120."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def write_results(path: Path, figures: Sequence[Figure], failures: Mapping[str, str]) -> None:
    """Write what was measured, and on what, as JSON."""
    results = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "textual": version("textual"),
        "figures": [
            {
                "name": figure.name,
                "value": round(figure.value, 6),
                "unit": figure.unit,
                "goal": None if figure.goal is None else str(figure.goal),
                "verdict": figure.verdict or None,
                "detail": figure.detail,
            }
            for figure in figures
        ],
        "failures": dict(failures),
    }
    path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
