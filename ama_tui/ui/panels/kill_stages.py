"""The stages of a kill while it runs, and what it waits for, from what the engine publishes."""

from __future__ import annotations

from ama_tui.domain.event import KillProgress, KillStage
from ama_tui.ui.format import bar, duration
from ama_tui.ui.widgets.field_lines import Line, field
from ama_tui.ui.widgets.styled_text import Ink, Span

BAR_CELLS = 20
LABEL_CELLS = 12
READS_NEEDED = 2
LONG_WAIT_S = 100
"""From then on a wait is shown in minutes."""

_ORDER = tuple(KillStage)


def stage_lines(progress: KillProgress, at_start: int, seconds: float, now: float, *, revoke: bool) -> list[Line]:
    """A line per stage, then what it waits for.

    `at_start` orders were resting when it began, `seconds` ago; `now` in Unix seconds.
    """
    total = progress.total if progress.block else at_start
    lines = [
        _line(progress, KillStage.READ, "read", _read_text(progress), duration(seconds)),
        _line(progress, KillStage.CANCEL, "cancel", _cancel_text(progress, total), _share(progress, total)),
        _line(progress, KillStage.CONFIRM, "confirm", f"{progress.empty_reads} of {READS_NEEDED} reads show no order"),
        _line(progress, KillStage.CHECK, "check", "events, vault, second node if set"),
    ]
    if revoke:
        lines.append(_line(progress, KillStage.REVOKE, "revoke", "sessions, once no order is left"))
    return [*lines, (), _wait_line(progress, now)]


def _read_text(progress: KillProgress) -> str:
    return f"{progress.total:,} found by block {progress.block:,}" if progress.block else "open orders"


def _cancel_text(progress: KillProgress, total: int) -> str:
    return f"{progress.done:>{len(str(total))},}/{total:,} gone · {progress.sent:,} sent"


def _share(progress: KillProgress, total: int) -> Span:
    share = progress.done / total if total else float(bool(progress.block))
    return (f"▕{bar(share, BAR_CELLS)}▏", "danger")


def _line(progress: KillProgress, stage: KillStage, label: str, text: str, right: str | Span = "") -> Line:
    place = _ORDER.index(stage) - _ORDER.index(progress.stage)
    sign, ink, text_ink = _look(place)
    end: Span = (right, "label") if isinstance(right, str) else right
    return (
        field((f"{sign} ", ink), (label.ljust(LABEL_CELLS), text_ink), (text, text_ink)),
        field(end, right=True, rank=1),
    )


def _look(place: int) -> tuple[str, Ink, Ink]:
    """The sign and inks of a stage that is behind (negative), current, or ahead."""
    if place < 0:
        return "✓", "good", "plain"
    return ("●", "danger", "strong") if place == 0 else ("·", "label", "label")


def _wait_line(progress: KillProgress, now: float) -> Line:
    """'⚠ chain not answering, 12 s'; blank while nothing is overdue."""
    if not progress.waiting_for:
        return ()
    seconds = max(0.0, now - progress.waiting_since_ms / 1000)
    for_how_long = f"{int(seconds)} s" if seconds < LONG_WAIT_S else duration(seconds)
    return (field((f"⚠ {progress.waiting_for}, {for_how_long}", "warn")),)
