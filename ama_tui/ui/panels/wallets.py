"""The fleet as rows: which columns the wallet grid has on a wide screen, on a narrow one, and while preparing."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.event import SessionState, WalletRow
from ama_tui.domain.market import short_address
from ama_tui.domain.money import format_usdc
from ama_tui.ui.format import bar, count_bar, hours_left, pad, plain, short_usdc, signed_amount, whole_age
from ama_tui.ui.widgets.grid import Cell, Column, Grid
from ama_tui.ui.widgets.ink import Ink

BAR = 6
NARROW_BAR = 5
MARGIN_BAR = 10
NARROW_MARGIN_BAR = 6
WIDE = 110
"""From this width on, the grid shows amounts beside its bars."""

SESSION_SOON_SECONDS = 1800
"""A session with less time than this left is marked."""


def _name(row: WalletRow, width: int, now: float) -> Cell:
    return ((pad(plain(row.nickname), width), "plain"),)


COUNT = 6
"""Cells of a count such as 50/50, with a blank before it."""


def _count(have: int, want: int, ink: Ink, width: int) -> Cell:
    filled, empty = count_bar(have, want, width - COUNT)
    number = f"{have}/{want}".rjust(COUNT)
    return ((filled, ink), (empty, "rule"), (number, "plain" if have == want else "warn"))


def _bids(row: WalletRow, width: int, now: float) -> Cell:
    return _count(row.bids, row.target, "bid", width)


def _asks(row: WalletRow, width: int, now: float) -> Cell:
    return _count(row.asks, row.target, "ask", width)


def _available(row: WalletRow, width: int, now: float) -> Cell:
    text = format_usdc(row.available6)
    return ((text if len(text) <= width else short_usdc(row.available6), "plain"),)


def _share(row: WalletRow) -> float | None:
    if row.reserved6 is None or not row.cap6:
        return None
    return row.reserved6 / row.cap6


def _margin_bar(row: WalletRow, cells: int) -> Cell:
    share = _share(row)
    ink: Ink = "danger" if share is not None and share > 1 else "ours"
    return (("▕", "rule"), (bar(share or 0.0, cells), ink), ("▏", "rule"))


def _margin(row: WalletRow, width: int, now: float) -> Cell:
    numbers = f"{short_usdc(row.reserved6).rjust(8)} / {short_usdc(row.cap6).rjust(7)}"
    return (*_margin_bar(row, MARGIN_BAR), (numbers, "plain"))


def _margin_percent(row: WalletRow, width: int, now: float) -> Cell:
    share = _share(row)
    return (*_margin_bar(row, NARROW_MARGIN_BAR), ("–".rjust(5) if share is None else f"{share:.0%}".rjust(5), "plain"))


def _pending(row: WalletRow, width: int, now: float) -> Cell:
    if row.unknown:
        return ((f"{row.in_flight} + {row.unknown}?".rjust(width), "warn"),)
    return ((str(row.in_flight).rjust(width), "plain" if row.in_flight else "rule"),)


def _position(row: WalletRow, width: int, now: float) -> Cell:
    ink: Ink = "label" if row.position18 == 0 else "plain"
    return ((pad(signed_amount(row.position18), width, right=True), ink),)


_SESSION_INK: dict[SessionState, Ink] = {
    SessionState.NONE: "label",
    SessionState.CREATING: "ours",
    SessionState.VALID: "plain",
    SessionState.UNUSABLE: "danger",
}


def _session(row: WalletRow, width: int, now: float) -> Cell:
    if row.session is SessionState.VALID and row.session_expiry:
        left = row.session_expiry - now
        return ((hours_left(left).rjust(width), "plain" if left > SESSION_SOON_SECONDS else "warn"),)
    return ((pad(row.session.value, width, right=True), _SESSION_INK[row.session]),)


def _last(row: WalletRow, width: int, now: float) -> Cell:
    text = whole_age(now - row.last_action_at / 1000) if row.last_action_at else "–"
    return ((text.rjust(width), "label"),)


def _note(row: WalletRow, width: int, now: float) -> Cell:
    if row.note:
        ink: Ink = "danger" if row.session is SessionState.UNUSABLE else "plain" if row.is_packed else "warn"
        return ((pad(plain(row.note), width), ink),)
    return ((pad("packed", width), "good"),) if row.is_packed else ((" " * width, "plain"),)


WIDE_COLUMNS: tuple[Column[WalletRow], ...] = (
    Column("wallet", "wallet", 10, _name),
    Column("bids", "bids", BAR + COUNT, _bids),
    Column("asks", "asks", BAR + COUNT, _asks),
    Column("available", "available", 12, _available, right=True, rank=4),
    Column("margin", "reserved / cap".center(MARGIN_BAR + 20), MARGIN_BAR + 20, _margin, rank=1),
    Column("pending", "in flight", 9, _pending, right=True, rank=6),
    Column("position", "position", 9, _position, right=True, rank=5),
    Column("session", "session", 8, _session, right=True, rank=2),
    Column("last", "last", 4, _last, right=True, rank=3),
    Column("note", "note", 12, _note, grows=True),
)

NARROW_COLUMNS: tuple[Column[WalletRow], ...] = (
    Column("wallet", "wallet", 9, _name),
    Column("bids", "bids", NARROW_BAR + COUNT, _bids),
    Column("asks", "asks", NARROW_BAR + COUNT, _asks),
    Column("margin", "of cap", NARROW_MARGIN_BAR + 7, _margin_percent, rank=1),
    Column("session", "session", 8, _session, right=True, rank=2),
    Column("note", "note", 7, _note, grows=True),
)


class WalletGrid(Grid[WalletRow]):
    """The live wallet grid; on a narrow screen percentages stand for amounts."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(WIDE_COLUMNS, id=id, classes=classes)

    def columns_for(self, width: int) -> Sequence[Column[WalletRow]]:
        return WIDE_COLUMNS if width >= WIDE else NARROW_COLUMNS


# preparation

_PREPARED: dict[SessionState, tuple[str, Ink]] = {
    SessionState.NONE: ("· waiting", "label"),
    SessionState.CREATING: ("◔ creating", "ours"),
    SessionState.VALID: ("✓ valid", "good"),
    SessionState.UNUSABLE: ("✗ unusable", "danger"),
}


def _address(row: WalletRow, width: int, now: float) -> Cell:
    return ((short_address(row.address), "label"),)


def _prepared(row: WalletRow, width: int, now: float) -> Cell:
    text, ink = _PREPARED[row.session]
    return ((text, ink),)


def _preparation_note(row: WalletRow, width: int, now: float) -> Cell:
    if row.note:
        return ((pad(plain(row.note), width), "danger" if row.session is SessionState.UNUSABLE else "plain"),)
    if row.session is SessionState.VALID and row.session_expiry:
        return ((pad(f"{hours_left(row.session_expiry - now)} h left", width), "label"),)
    return ((" " * width, "plain"),)


PREPARATION_COLUMNS: tuple[Column[WalletRow], ...] = (
    Column("wallet", "wallet", 12, _name),
    Column("address", "address", 13, _address, rank=2),
    Column("available", "available", 12, _available, right=True, rank=1),
    Column("session", "session", 12, _prepared),
    Column("note", "note", 26, _preparation_note, grows=True),
)
