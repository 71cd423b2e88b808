"""The fleet as a grid: its columns on wide and narrow screens and during preparation, and its filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from ama_tui.domain.event import SessionState, WalletRow
from ama_tui.domain.market import short_address
from ama_tui.domain.money import format_usdc
from ama_tui.domain.wallet import Role
from ama_tui.ui.format import count_bar, hours_left, pad, plain, short_usdc, signed_amount, time_left, whole_age
from ama_tui.ui.panels.fragments import SESSION_SPANS, cap_ink, gauge, percent, result_cell, share_of_cap
from ama_tui.ui.widgets.columns import Cell, Column
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.styled_text import Ink

BAR = 5
"""Cells of a bar in the grid."""

WIDE = 100
"""From this width on, the grid shows amounts next to its bars."""

SESSION_SOON_SECONDS = 1800
"""Sessions that expire sooner than this are marked."""


def _name(row: WalletRow, width: int, now: float) -> Cell:
    return ((pad(plain(row.nickname), width), "plain"),)


COUNT = 6
"""Cells of a count such as 50/50, including a leading space."""


def _count(have: int, want: int, ink: Ink, width: int) -> Cell:
    filled, empty = count_bar(have, want, width - COUNT)
    number = f"{have}/{want}".rjust(COUNT)
    return ((filled, ink), (empty, "rule"), (number, "plain" if have == want else "warn"))


def _bids(row: WalletRow, width: int, now: float) -> Cell:
    return _count(row.bids, row.target_bids, "bid", width)


def _asks(row: WalletRow, width: int, now: float) -> Cell:
    return _count(row.asks, row.target_asks, "ask", width)


def _available(row: WalletRow, width: int, now: float) -> Cell:
    text = format_usdc(row.available6)
    return ((text if len(text) <= width else short_usdc(row.available6), "plain"),)


def _margin_gauge(row: WalletRow) -> Cell:
    share = share_of_cap(row)
    return gauge(share, BAR, cap_ink(share))


def _margin(row: WalletRow, width: int, now: float) -> Cell:
    numbers = f"{short_usdc(row.reserved6)}/{short_usdc(row.cap6)}"
    return (*_margin_gauge(row), (numbers.rjust(width - BAR - 2), "plain"))


def _margin_percent(row: WalletRow, width: int, now: float) -> Cell:
    return (*_margin_gauge(row), (percent(share_of_cap(row), 5), "plain"))


def _pending(row: WalletRow, width: int, now: float) -> Cell:
    return ((str(row.pending).rjust(width), "plain" if row.pending else "rule"),)


def _unknown(row: WalletRow, width: int, now: float) -> Cell:
    text = f"{row.unknown}?" if row.unknown else "0"
    return ((text.rjust(width), "warn" if row.unknown else "rule"),)


def _position(row: WalletRow, width: int, now: float) -> Cell:
    ink: Ink = "label" if row.position18 == 0 else "plain"
    return ((pad(signed_amount(row.position18), width, right=True), ink),)


@dataclass(slots=True)
class ResultColumn:
    """What each wallet's trades have earned by the mark, which the grid sets before it shows rows."""

    mark6: int | None = None

    def value(self, row: WalletRow) -> int | None:
        """In USDC (6 decimals), None without a mark."""
        return None if self.mark6 is None else row.pnl.result6(self.mark6)

    def cell(self, row: WalletRow, width: int, now: float) -> Cell:
        return result_cell(self.value(row), width)

    def column(self, rank: int) -> Column[WalletRow]:
        return Column("result", "P&L", 7, self.cell, right=True, rank=rank, sort=self.value)


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


def _last_action(row: WalletRow, width: int, now: float) -> Cell:
    text = whole_age(now - row.last_action_at / 1000) if row.last_action_at else "–"
    return ((text.rjust(width), "label"),)


def _note(row: WalletRow, width: int, now: float) -> Cell:
    is_taker = row.role is Role.TAKER
    if row.note:
        ink: Ink = "danger" if row.session is SessionState.UNUSABLE else "plain" if row.is_packed else "warn"
        text = f"TAKER {plain(row.note)}" if is_taker else plain(row.note)
        return ((pad(text, width), ink),)
    if is_taker:
        return ((pad("TAKER", width), "ours"),)
    return ((pad("packed", width), "good"),) if row.is_packed else ((" " * width, "plain"),)


def _expiry(row: WalletRow) -> int | None:
    """Sorts sessions by their expiry."""
    return row.session_expiry or None


def _action_age(row: WalletRow) -> int | None:
    """Sorts wallets by the age of their last action."""
    return -row.last_action_at or None


def wide_columns(result: ResultColumn) -> tuple[Column[WalletRow], ...]:
    """Everything, with amounts."""
    return (
        Column("wallet", "wallet", 8, _name, sort=lambda row: row.index),
        Column("bids", "bids", BAR - 2 + COUNT, _bids, sort=lambda row: row.bids - row.target_bids),
        Column("asks", "asks", BAR - 2 + COUNT, _asks, sort=lambda row: row.asks - row.target_asks),
        Column("available", "available", 9, _available, right=True, rank=5, sort=lambda row: row.available6),
        Column("margin", "reserved/cap", BAR + 2 + 13, _margin, rank=1, sort=share_of_cap),
        Column("pending", "…", 2, _pending, right=True, rank=7, sort=lambda row: row.pending),
        Column("unknown", "?", 2, _unknown, right=True, rank=8, sort=lambda row: row.unknown),
        Column("position", "pos", 7, _position, right=True, rank=6, sort=lambda row: row.position18),
        result.column(rank=3),
        Column("session", "session", 8, _session, right=True, rank=2, sort=_expiry),
        Column("last", "last", 4, _last_action, right=True, rank=4, sort=_action_age),
        Column("note", "note", 7, _note, grows=True, sort=lambda row: row.note or None),
    )


def narrow_columns(result: ResultColumn) -> tuple[Column[WalletRow], ...]:
    """What fits a small terminal, with percentages."""
    return (
        Column("wallet", "wallet", 8, _name, sort=lambda row: row.index),
        Column("bids", "bids", BAR + COUNT, _bids, sort=lambda row: row.bids - row.target_bids),
        Column("asks", "asks", BAR + COUNT, _asks, sort=lambda row: row.asks - row.target_asks),
        Column("margin", "of cap", BAR + 7, _margin_percent, rank=1, sort=share_of_cap),
        result.column(rank=3),
        Column("session", "session", 8, _session, right=True, rank=2, sort=_expiry),
        Column("last", "last", 4, _last_action, right=True, rank=4, sort=_action_age),
        Column("note", "note", 7, _note, grows=True, sort=lambda row: row.note or None),
    )


def row_words(row: WalletRow) -> str:
    """The text a filter searches: name, address, session, note, role, and the words packed, short, paused, unknown."""
    words = [row.nickname, row.address, row.session.value, row.note, "packed" if row.is_packed else "short"]
    words.append(row.role.value)
    words += ["paused"] * row.is_paused + ["unknown"] * bool(row.unknown)
    return " ".join(words).lower()


def row_filter(text: str) -> Callable[[WalletRow], bool] | None:
    """A test whether every word of the text occurs in a row; None when there are no words."""
    wanted = text.lower().split()
    if not wanted:
        return None

    def keep(row: WalletRow) -> bool:
        words = row_words(row)
        return all(word in words for word in wanted)

    return keep


class WalletGrid(Grid[WalletRow]):
    """The live wallet grid; narrow screens show percentages instead of amounts. Enter opens a wallet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "pick", "Open", id="wallet.open", tooltip="Open the wallet under the cursor.", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        self.result = ResultColumn()
        self._wide, self._narrow = wide_columns(self.result), narrow_columns(self.result)
        super().__init__(self._wide, key=lambda row: row.address, id=id, classes=classes)

    def columns_for(self, width: int) -> Sequence[Column[WalletRow]]:
        return self._wide if width >= WIDE else self._narrow


# preparation


def _address(row: WalletRow, width: int, now: float) -> Cell:
    return ((short_address(row.address), "label"),)


def _preparation(row: WalletRow, width: int, now: float) -> Cell:
    return (("· waiting", "label") if row.session is SessionState.NONE else SESSION_SPANS[row.session],)


def _preparation_note(row: WalletRow, width: int, now: float) -> Cell:
    if row.session is SessionState.UNUSABLE:
        return ((pad(plain(row.note), width), "danger"),)
    if row.session is SessionState.VALID and row.session_expiry:
        return ((time_left(row.session_expiry - now), "label"),)
    return ()


PREPARATION_COLUMNS: tuple[Column[WalletRow], ...] = (
    Column("wallet", "wallet", 12, _name),
    Column("address", "address", 13, _address, rank=2),
    Column("available", "available", 12, _available, right=True, rank=1),
    Column("session", "session", 12, _preparation),
    Column("note", "note", 26, _preparation_note, grows=True),
)
