"""The markets of a run side by side: a row for each, and a tab for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ama_tui.domain.event import EngineSnapshot, EngineState, SessionState
from ama_tui.ui.format import count, count_bar, pad, plain, short_usdc, signed_amount, whole_age
from ama_tui.ui.panels.fragments import gauge, margin_totals, percent, result_cell, spread_points
from ama_tui.ui.states import BANNER, banner_of, is_overdue, is_packed, is_stale
from ama_tui.ui.widgets.columns import Cell, Column
from ama_tui.ui.widgets.field_lines import Field, field
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.styled_text import Ink

WIDE = 110
"""From this width on, the grid shows amounts and bars."""
BAR = 6


def symbol_of(snapshot: EngineSnapshot) -> str:
    """The market's symbol, safe to show."""
    return "–" if snapshot.market is None else plain(snapshot.market.symbol)


def problem_of(snapshot: EngineSnapshot, now: float) -> tuple[str, Ink]:
    """What the operator should know about a market, in a few words; '' while all is well."""
    if snapshot.reason and snapshot.state is not EngineState.PAUSED:
        inks: dict[EngineState, Ink] = {EngineState.FAULTED: "danger", EngineState.STOPPED: "label"}
        return plain(snapshot.reason), inks.get(snapshot.state, "warn")
    if is_stale(snapshot, now):
        return f"chain data {whole_age(now - snapshot.read_at_ms / 1000)} old", "danger"
    if snapshot.rate_limits:
        return " · ".join(wait.text(wait.left_s) for wait in snapshot.rate_limits), "warn"
    if snapshot.unknown:
        return f"{count(snapshot.unknown, 'order')} unknown", "warn"
    unusable = [row for row in snapshot.wallets if row.session is SessionState.UNUSABLE]
    if unusable:
        return f"{count(len(unusable), 'wallet')}: {plain(unusable[0].note)}", "danger"
    short = [row for row in snapshot.wallets if row.note and not row.is_packed]
    if short and not snapshot.pending and snapshot.run_id:
        return f"{count(len(short), 'wallet')}: {plain(short[0].note)}", "label"
    return "", "plain"


def _market(row: EngineSnapshot, width: int, now: float) -> Cell:
    return ((pad(symbol_of(row), width), "strong"),)


def _state(row: EngineSnapshot, width: int, now: float) -> Cell:
    return (banner_of(row, now),)


def _resting(row: EngineSnapshot, width: int, now: float) -> Cell:
    ink: Ink = "good" if is_packed(row, now) else "plain"
    number = f"{row.resting}/{row.target_orders}"
    if width < BAR + 9:
        return ((number.rjust(width), ink),)
    filled, empty = count_bar(row.resting, row.target_orders, BAR)
    return ((filled, "ours"), (empty, "rule"), (number.rjust(width - BAR), ink))


def points_of(row: EngineSnapshot) -> float | None:
    """The spread in basis points."""
    return spread_points(row.best_bid6, row.best_ask6)


def _spread(row: EngineSnapshot, width: int, now: float) -> Cell:
    points = points_of(row)
    return (("–" if points is None else f"{points:,.1f} bp", "plain"),)


def share_of_caps(row: EngineSnapshot) -> float | None:
    """The part of the wallets' caps on this market that is in use."""
    reserved6, cap6 = margin_totals(row)
    return reserved6 / cap6 if cap6 else None


def _used(row: EngineSnapshot, width: int, now: float) -> Cell:
    share = share_of_caps(row)
    if width < BAR + 10:
        return ((percent(share, width), "plain"),)
    reserved6, cap6 = margin_totals(row)
    numbers = f"{short_usdc(reserved6)}/{short_usdc(cap6)}"
    return (*gauge(share, BAR), (numbers.rjust(width - BAR - 2), "plain"))


def position18(row: EngineSnapshot) -> int:
    """The net position of all wallets."""
    return sum(wallet.position18 for wallet in row.wallets)


def _position(row: EngineSnapshot, width: int, now: float) -> Cell:
    position = position18(row)
    return ((pad(signed_amount(position), width, right=True), "plain" if position else "label"),)


def result6(row: EngineSnapshot) -> int | None:
    """The result of this run's trades by the mark price (USDC, 6 decimals), None if it is not known."""
    return row.result6


def _result(row: EngineSnapshot, width: int, now: float) -> Cell:
    return result_cell(row.result6, width)


def _fills(row: EngineSnapshot, width: int, now: float) -> Cell:
    fills = row.totals.fills
    if row.fills_unknown_from:
        return ((f"{fills:,}+?", "warn"),)
    return ((f"{fills:,}", "ours" if fills else "rule"),)


def _problem(row: EngineSnapshot, width: int, now: float) -> Cell:
    text, ink = problem_of(row, now)
    return ((pad(text, width), ink),)


def _columns(resting: int, spread: int, used: int, used_title: str, result: int) -> tuple[Column[EngineSnapshot], ...]:
    return (
        Column("market", "market", 10, _market, sort=symbol_of),
        Column("state", "state", 10, _state, sort=lambda row: row.state.value),
        Column("resting", "resting", resting, _resting, right=True, sort=lambda row: row.resting - row.target_orders),
        Column("spread", "spread", spread, _spread, right=True, rank=2, sort=points_of),
        Column("used", used_title, used, _used, right=True, rank=1, sort=share_of_caps),
        Column("position", "position", 8, _position, right=True, rank=4, sort=position18),
        Column("result", "P&L", result, _result, right=True, rank=3, sort=result6),
        Column("fills", "fills", 5, _fills, right=True, sort=lambda row: row.totals.fills),
        Column("problem", "problem", 7, _problem, grows=True, sort=lambda row: row.reason or None),
    )


NARROW_COLUMNS = _columns(8, 7, 6, "of cap", 8)
WIDE_COLUMNS = _columns(BAR + 10, 9, BAR + 2 + 14, "used/cap", 11)


class OverviewGrid(Grid[EngineSnapshot]):
    """A row for each market of the run. Enter opens a market."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "pick", "Open", id="market.open", tooltip="Open the market under the cursor.", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(WIDE_COLUMNS, key=symbol_of, id=id, classes=classes)

    def columns_for(self, width: int) -> Sequence[Column[EngineSnapshot]]:
        return WIDE_COLUMNS if width >= WIDE else NARROW_COLUMNS


def market_tabs(snapshots: Sequence[EngineSnapshot], selected: str | None, now: float) -> dict[Field, str]:
    """A tab for the overview and one for each market, with its state's sign; what a click on each does.

    `selected` is the order book of the market that is shown, None for the overview.
    """
    tabs = {_tab("Overview", "", "label", is_selected=selected is None): "app.show_overview"}
    for snapshot in snapshots:
        if snapshot.market is None:
            continue
        sign, ink = BANNER[snapshot.state]
        if is_overdue(snapshot, now) or (snapshot.reason and ink == "good"):
            ink = "warn"
        tab = _tab(symbol_of(snapshot), sign, ink, is_selected=snapshot.market.address == selected)
        tabs[tab] = f"app.show_market('{snapshot.market.address}')"
    return tabs


def _tab(name: str, sign: str, ink: Ink, *, is_selected: bool) -> Field:
    text = f"▌{name}▐" if is_selected else f" {name} "
    return field((f"{sign} " if sign else "", ink), (text, "tab" if is_selected else "label"))


def title_of(snapshots: Sequence[EngineSnapshot], now: float) -> str:
    """'Markets 3 · 2 packed'."""
    return f"Markets {len(snapshots)} · {sum(is_packed(snapshot, now) for snapshot in snapshots)} packed"
