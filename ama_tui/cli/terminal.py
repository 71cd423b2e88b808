"""The doctor's checks of the terminal: is it large enough, how many colours, can it show boxes and bars?"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping

from ama_tui.domain.plain_characters import is_complete
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, fail, ok, warn
from ama_tui.ui.terminal_size import LEAST_HEIGHT, LEAST_WIDTH, is_too_small

TRUE_COLOUR = ("truecolor", "24bit")
"""Values of COLORTERM for 16 million colours."""


async def terminal(context: DoctorContext) -> CheckResult:
    """Check the terminal of the first standard stream that has one."""
    return terminal_result(_size(), context.request.environ)


def terminal_result(size: tuple[int, int] | None, environ: Mapping[str, str]) -> CheckResult:
    """Judge a terminal by its size in columns and rows (None: no terminal) and its colours."""
    if size is None:
        return ok("no terminal; `ama-tui run --headless` needs none")
    width, height = size
    colours = _colours(environ)
    text = f"{width}×{height}, {colours}"
    if is_too_small(width, height):
        return fail(text, f"resize it to {LEAST_WIDTH}×{LEAST_HEIGHT} or larger, or use `ama-tui run --headless`")
    if colours.startswith("no colours") and not environ.get("NO_COLOR"):
        return warn(text, "set TERM to your terminal's type, such as xterm-256color")
    return ok(text)


async def characters(context: DoctorContext) -> CheckResult:
    """Check the encoding of what the program prints."""
    return characters_result((sys.__stderr__ or sys.stderr).encoding)


def characters_result(encoding: str) -> CheckResult:
    """Judge an encoding: does it have every character that the dashboard shows?"""
    name = codecs.lookup(encoding).name.upper()
    if is_complete(encoding):
        return ok(name)
    return warn(
        f"{name} lacks boxes, bars and arrows: ASCII characters are shown instead",
        "use a UTF-8 terminal and set LC_ALL to a UTF-8 locale, such as C.UTF-8",
    )


def _colours(environ: Mapping[str, str]) -> str:
    kind = environ.get("TERM", "")
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR is set)"
    if kind in ("", "dumb"):
        return f"no colours (TERM is {kind or 'not set'})"
    if environ.get("COLORTERM", "").strip().lower() in TRUE_COLOUR:
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
