"""The doctor's look at the terminal: has the dashboard room, and which colours can it show?"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.ui.terminal_size import LEAST_HEIGHT, LEAST_WIDTH, is_too_small

RICH = ("truecolor", "24bit")


async def terminal(case: DoctorContext) -> CheckResult:
    """The terminal of whichever standard stream has one."""
    return terminal_finding(_size(), case.order.environ)


def terminal_finding(size: tuple[int, int] | None, environ: Mapping[str, str]) -> CheckResult:
    """The verdict on a terminal of so many columns and rows (None: there is none here), and its colours."""
    if size is None:
        return ok("none here: `ama-tui run --headless` needs none")
    width, height = size
    colours = _colours(environ)
    found = f"{width}×{height}, {colours}"
    if is_too_small(width, height):
        return fail(found, f"make it {LEAST_WIDTH}×{LEAST_HEIGHT} or larger, or use `ama-tui run --headless`")
    if colours.startswith("no colours") and not environ.get("NO_COLOR"):
        return warn(found, "set TERM to what your terminal is, such as xterm-256color")
    return ok(found)


def _colours(environ: Mapping[str, str]) -> str:
    kind = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR is set)"
    if kind in ("", "dumb"):
        return f"no colours (TERM is {kind or 'not set'})"
    if environ.get("COLORTERM", "").strip().lower() in RICH:
        return "16 million colours"
    return "256 colours" if "256color" in kind else f"16 colours (TERM is {kind})"


def _size() -> tuple[int, int] | None:
    for stream in (sys.__stdout__, sys.__stderr__, sys.__stdin__):
        try:
            if stream is not None:
                width, height = os.get_terminal_size(stream.fileno())
                return width, height
        except (OSError, ValueError):
            continue
    return None
