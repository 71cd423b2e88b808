"""The line above the activity log: its filter and whether it is live. Fields can be clicked."""

from __future__ import annotations

from ama_tui.ui.panels.log import ActivityLog, LogFilter
from ama_tui.ui.widgets.field_lines import Field, field
from ama_tui.ui.widgets.keybar import ActionLine
from ama_tui.ui.widgets.styled_text import Ink, Span


def log_bar_fields(wanted: LogFilter, *, is_following: bool, is_frozen: bool, waiting: int) -> dict[Field, str]:
    """The fields of the line, each with its action."""
    state: Span
    if is_frozen:
        state = (f"▣ FROZEN · {waiting:,} new", "warn")
    elif is_following:
        state = ("live ●", "good")
    else:
        state = ("scrolled · home: newest", "warn")
    kind, name = wanted.kind, wanted.name if wanted.wallet else "all wallets"
    return {
        field(("t ", "ours"), (f"{'all types' if kind == 'all' else kind} ▾", _ink(kind != "all"))): "screen.log_kind",
        field(("w ", "ours"), (f"{name} ▾", _ink(bool(wanted.wallet))), rank=1): "screen.log_wallet",
        field(
            ("e ", "ours"), (f"{'■' if wanted.errors_only else '□'} errors only", _ink(wanted.errors_only)), rank=2
        ): "screen.log_errors",
        field(state, right=True): "",
        field(("f ", "ours"), ("unfreeze" if is_frozen else "freeze", "label"), rank=3, right=True): "screen.freeze",
    }


def _ink(is_set: bool) -> Ink:
    return "strong" if is_set else "label"


class LogBar(ActionLine):
    """Shows a log's filter and state."""

    def follow(self, log: ActivityLog) -> None:
        self.show_actions(
            log_bar_fields(log.filter, is_following=log.is_following, is_frozen=log.is_frozen, waiting=log.waiting)
        )
