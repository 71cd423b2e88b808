"""Pieces of a line that several panels show: labelled values, gauges, spreads, shares of a limit."""

from __future__ import annotations

from ama_tui.domain.event import EngineSnapshot, SessionState, WalletRow
from ama_tui.ui.format import bar, basis_points, pad, short_usdc, signed_usdc
from ama_tui.ui.widgets.field_lines import Field, field
from ama_tui.ui.widgets.styled_text import Ink, Span

SESSION_SPANS: dict[SessionState, Span] = {
    SessionState.NONE: ("· none", "label"),
    SessionState.CREATING: ("◔ creating", "ours"),
    SessionState.VALID: ("✓ valid", "good"),
    SessionState.UNUSABLE: ("✗ unusable", "danger"),
}
"""How each state of a session is shown: a sign, a word and an ink."""


def pair(label: str, *values: Span, rank: int = 0, right: bool = False) -> Field:
    """A quiet label and its value, as one field."""
    return field((f"{label} ", "label"), *values, rank=rank, right=right)


def gauge(fraction: float | None, cells: int, ink: Ink = "ours") -> tuple[Span, ...]:
    """'▕██▌  ▏': a framed bar of `cells` cells; empty when the fraction is unknown."""
    return (("▕", "rule"), (bar(fraction or 0.0, cells), ink), ("▏", "rule"))


def result_cell(usdc6: int | None, width: int) -> tuple[Span, ...]:
    """A result with its sign, without cents where they do not fit, and shortened where whole USDC do not."""
    text = signed_usdc(usdc6)
    if len(text) > width:
        text = text[:-3]
    if usdc6 is not None and len(text) > width:
        text = ("-" if usdc6 < 0 else "+") + short_usdc(abs(usdc6))
    return ((pad(text, width, right=True), "plain" if usdc6 else "label"),)


def percent(fraction: float | None, width: int = 0) -> str:
    """0.114 → '11%', None → '–', right-aligned in `width` cells."""
    return ("–" if fraction is None else f"{fraction:.0%}").rjust(width)


def share_of_cap(row: WalletRow) -> float | None:
    """The part of its cap that a wallet has reserved; None when either is unknown."""
    if row.reserved6 is None or not row.cap6:
        return None
    return row.reserved6 / row.cap6


def cap_ink(share: float | None) -> Ink:
    """The ink of a wallet's gauge: red above its cap."""
    return "danger" if share is not None and share > 1 else "ours"


def margin_totals(snapshot: EngineSnapshot) -> tuple[int, int]:
    """The fleet's reserved margin and the sum of its caps, in USDC with 6 decimals."""
    return (
        sum(row.reserved6 or 0 for row in snapshot.wallets),
        sum(row.cap6 or 0 for row in snapshot.wallets),
    )


def spread_points(bid6: int | None, ask6: int | None) -> float | None:
    """The spread in basis points of the mid price; None unless the book has both sides."""
    if bid6 is None or ask6 is None:
        return None
    return basis_points(ask6 - bid6, bid6 + ask6)
