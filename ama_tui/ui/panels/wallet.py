"""One wallet in detail: its orders as a grid; its margin and session as lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ama_tui.domain.event import EngineSnapshot, EngineState, WalletRow
from ama_tui.domain.market import DEFAULT_TICK6, short_address
from ama_tui.domain.money import AMOUNT_UNIT, format_amount, format_price, format_usdc
from ama_tui.domain.order import Side
from ama_tui.domain.session import RENEW_AT_PERCENT
from ama_tui.domain.wallet import Role
from ama_tui.ui.format import count, plain, short_usdc, signed_amount, signed_usdc, time_left, whole_age
from ama_tui.ui.panels.fragments import SESSION_SPANS, cap_ink, gauge, pair, percent, share_of_cap
from ama_tui.ui.panels.wallets import SESSION_SOON_SECONDS
from ama_tui.ui.widgets.columns import Cell, Column
from ama_tui.ui.widgets.field_lines import Field, Line, field
from ama_tui.ui.widgets.flow import flow
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.styled_text import Span

MARGIN_BAR = 10
LEAST_PRICE_WIDTH, LEAST_ID_WIDTH = 8, 6
WIDE_ADDRESS = 110
"""From this width on, addresses and ids are shown in full."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order of a wallet: resting, pending or unknown."""

    side: Side
    level: int | None
    price6: int
    amount18: int
    margin6: int
    tick6: int
    order_id: int | None = None
    """None while the order is pending or unknown."""
    placed_at: int | None = None
    """Unix seconds; None while the order is pending or unknown."""
    distance: float | None = None
    """Ticks from the anchor, negative on the wrong side of it; None without an anchor."""
    is_cancelling: bool = False
    is_unknown: bool = False

    @property
    def key(self) -> tuple[int | None, Side, int | None]:
        """Identifies an order across snapshots."""
        return (self.order_id, self.side, None if self.order_id is not None else self.level)

    @property
    def text(self) -> str:
        """'sell 0.184 @ 2,500.52'."""
        return f"{self.side.value} {format_amount(self.amount18)} @ {format_price(self.price6, self.tick6)}"


def distance_ticks(side: Side, price6: int, anchor_x2: int | None, tick6: int) -> float | None:
    """How far a price is from the anchor (given doubled), in ticks; negative on the wrong side of it."""
    if anchor_x2 is None:
        return None
    away = (anchor_x2 - 2 * price6) if side is Side.BUY else (2 * price6 - anchor_x2)
    return away / (2 * tick6)


def order_lines(
    row: WalletRow, anchor_x2: int | None, tick6: int, cancelling: Collection[int] = ()
) -> tuple[OrderLine, ...]:
    """A wallet's resting, pending and unknown orders, highest price first; `cancelling` holds order ids."""
    lines = [
        OrderLine(
            side=order.side, level=order.level, price6=order.price6, amount18=order.amount18, margin6=order.margin6,
            tick6=tick6, order_id=order.order_id, placed_at=order.placed_at,
            distance=distance_ticks(order.side, order.price6, anchor_x2, tick6),
            is_cancelling=order.order_id in cancelling,
        )
        for order in row.orders
    ]  # fmt: skip
    lines += [
        OrderLine(
            side=order.side, level=order.level, price6=order.price6, amount18=order.amount18, margin6=order.margin6,
            tick6=tick6, distance=distance_ticks(order.side, order.price6, anchor_x2, tick6),
            is_unknown=order.is_unknown,
        )
        for order in row.pending_orders
    ]  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.price6, line.order_id is None, line.order_id or 0)))


def _role(row: WalletRow) -> list[Span]:
    return [(" TAKER", "ours")] if row.role is Role.TAKER else []


# columns


def _level(line: OrderLine, width: int, now: float) -> Cell:
    return ((("–" if line.level is None else f"L{line.level}").ljust(width), "label"),)


def _side(line: OrderLine, width: int, now: float) -> Cell:
    return ((line.side.value.ljust(width), "bid" if line.side is Side.BUY else "ask"),)


def _price(line: OrderLine, width: int, now: float) -> Cell:
    return ((format_price(line.price6, line.tick6), "plain"),)


def _distance(line: OrderLine, width: int, now: float) -> Cell:
    if line.distance is None:
        return (("–", "label"),)
    return ((f"{line.distance:,.0f}", "plain" if line.distance > 0 else "warn"),)


def _size(line: OrderLine, width: int, now: float) -> Cell:
    return ((format_amount(line.amount18), "plain"),)


def _age(line: OrderLine, width: int, now: float) -> Cell:
    return (("–" if line.placed_at is None else whole_age(now - line.placed_at), "label"),)


def _margin(line: OrderLine, width: int, now: float) -> Cell:
    return ((format_usdc(line.margin6), "plain"),)


def _order_id(line: OrderLine, width: int, now: float) -> Cell:
    return (("–" if line.order_id is None else str(line.order_id), "plain" if line.order_id is not None else "label"),)


def _state(line: OrderLine, width: int, now: float) -> Cell:
    if line.is_cancelling:
        return (("✗ cancelling", "warn"),)
    if line.is_unknown:
        return (("? unknown", "warn"),)
    return (("○ pending", "label"),) if line.order_id is None else (("● resting", "ours"),)


def order_columns(price_width: int, id_width: int) -> tuple[Column[OrderLine], ...]:
    """The columns of the orders; prices and ids get this many cells."""
    return (
        Column("level", "lvl", 3, _level, rank=4),
        Column("side", "side", 4, _side),
        Column("price", "price", price_width, _price, right=True),
        Column("ticks", "ticks", 6, _distance, right=True, rank=1),
        Column("size", "size", 7, _size, right=True),
        Column("age", "age", 3, _age, right=True, rank=5),
        Column("margin", "margin", 8, _margin, right=True, rank=2),
        Column("id", "order", id_width, _order_id, right=True),
        Column("state", "state", 12, _state, rank=3, grows=True),
    )


class OrdersGrid(Grid[OrderLine]):
    """A wallet's orders. The cursor stays on its order and in view while other orders come and go."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        self._widths = (LEAST_PRICE_WIDTH, LEAST_ID_WIDTH)
        super().__init__(order_columns(*self._widths), key=lambda line: line.key, id=id, classes=classes)

    def columns_for(self, width: int) -> Sequence[Column[OrderLine]]:
        return order_columns(*self._widths)

    def tick(self, rows: Sequence[OrderLine], now: float, *, stale: bool = False) -> None:
        was = self.cursor
        self._widen(rows)
        super().tick(rows, now, stale=stale)
        if self.cursor != was:
            self.move_to(self.cursor)

    def _widen(self, rows: Sequence[OrderLine]) -> None:
        """Make room for the longest price and id; the columns never get narrower."""
        price_width, id_width = self._widths
        for line in rows:
            price_width = max(price_width, len(format_price(line.price6, line.tick6)))
            id_width = max(id_width, len(str(line.order_id or "")))
        if (price_width, id_width) != self._widths:
            self._widths = (price_width, id_width)
            self._resized()
            self.refresh()


# facts


def _state_field(row: WalletRow, state: EngineState) -> Field:
    if row.is_paused:
        return field(("‖ paused", "warn"))
    if row.is_packed:
        return field(("✓ packed", "good"))
    return field((plain(row.note) or ("… packing" if state is EngineState.RUNNING else "not packed"), "warn"))


def name_fields(row: WalletRow, state: EngineState, width: int) -> list[Field]:
    """The wallet's name, state, order counts and position."""
    address = row.address if width >= WIDE_ADDRESS else short_address(row.address)
    fields = [
        field((plain(row.nickname), "strong"), *_role(row), (f"  {address}", "label")),
        _state_field(row, state),
        pair("bids", (f"{row.bids}/{row.target_bids}", "bid")),
        pair("asks", (f"{row.asks}/{row.target_asks}", "ask")),
        pair("position", (signed_amount(row.position18), "plain")),
    ]
    if row.note and row.is_packed and not row.is_paused:
        fields.append(field((plain(row.note), "label")))
    return fields


def budget_fields(row: WalletRow) -> list[Field]:
    """The wallet's available collateral, its cap, and the margin of its resting, pending and unknown orders."""
    share = share_of_cap(row)
    fields = [
        pair("available", (format_usdc(row.available6), "plain")),
        pair("cap", (format_usdc(row.cap6), "plain")),
        pair(
            "reserved", *gauge(share, MARGIN_BAR, cap_ink(share)),
            (f" {format_usdc(row.reserved6)} ({percent(share)})", "plain"),
        ),
        pair("pending", (_margin_of(row, row.pending), "plain" if row.pending else "label")),
    ]  # fmt: skip
    if row.unknown:
        fields.append(pair("unknown", (_margin_of(row, row.unknown, is_unknown=True), "warn")))
    return fields


def _margin_of(row: WalletRow, orders: int, *, is_unknown: bool = False) -> str:
    """'49.99 in 1 order': the margin of the pending or of the unknown orders."""
    margin6 = sum(order.margin6 for order in row.pending_orders if order.is_unknown is is_unknown)
    return f"{format_usdc(margin6)} in {count(orders, 'order')}" if orders else "none"


def session_fields(row: WalletRow, now: float, width: int) -> list[Field]:
    """The session's state, time left, used budget and id, and the wallet's last action."""
    fields = [pair("session", SESSION_SPANS[row.session])]
    if row.session_expiry:
        left = row.session_expiry - now
        fields.append(field((time_left(left), "plain" if left > SESSION_SOON_SECONDS else "warn")))
    if row.session_used_percent is not None:
        used = row.session_used_percent
        fields.append(pair("budget used", (f"{used}%", "plain" if used < RENEW_AT_PERCENT else "warn")))
    if row.session_id:
        fields.append(
            pair("session id", (row.session_id if width >= WIDE_ADDRESS else short_id(row.session_id), "plain"))
        )
    last = whole_age(now - row.last_action_at / 1000) + " ago" if row.last_action_at else "none yet"
    return [*fields, pair("last action", (last, "plain"))]


def result_fields(row: WalletRow, snapshot: EngineSnapshot, tick6: int) -> list[Field]:
    """What the wallet's trades have earned, realised and open, and what its position cost on average."""
    pnl, mark6 = row.pnl, snapshot.known_mark6
    whole, unrealised = (None, None) if mark6 is None else (pnl.result6(mark6), pnl.open6(mark6))
    return [
        pair("P&L", (f"{signed_usdc(whole)}?", "warn") if snapshot.pnl_problem else (signed_usdc(whole), "strong")),
        pair("realised", (signed_usdc(None if mark6 is None else pnl.realised6), "plain")),
        pair("open", (signed_usdc(unrealised), "plain")),
        pair("average entry", (format_price(pnl.average6, tick6), "plain" if pnl.position18 else "label")),
        pair("volume", (short_usdc(pnl.notional24 // AMOUNT_UNIT), "plain")),
        pair("fills", (f"{pnl.fills:,}", "ours" if pnl.fills else "plain")),
    ]


def short_id(identifier: str) -> str:
    """`0x0000feed…0001`."""
    text = plain(identifier)
    return text if len(text) <= 16 else f"{text[:10]}…{text[-4:]}"


def fact_lines(row: WalletRow, snapshot: EngineSnapshot, now: float, width: int) -> list[Line]:
    """Everything about a wallet except its orders."""
    tick6 = DEFAULT_TICK6 if snapshot.market is None else snapshot.market.tick6
    return [
        *flow(name_fields(row, snapshot.state, width), width),
        *flow(result_fields(row, snapshot, tick6), width),
        *flow(budget_fields(row), width),
        *flow(session_fields(row, now, width), width),
    ]


def orders_title(lines: Sequence[OrderLine], snapshot: EngineSnapshot) -> str:
    """'Orders 12 · 1 pending · 1 unknown · ticks from 2,500.00'."""
    resting = sum(line.order_id is not None for line in lines)
    unknown = sum(line.is_unknown for line in lines)
    pending = len(lines) - resting - unknown
    tick6 = DEFAULT_TICK6 if snapshot.market is None else snapshot.market.tick6
    parts = [f"Orders {resting}", f"{pending} pending" if pending else "", f"{unknown} unknown" if unknown else ""]
    if snapshot.anchor_x2:
        parts.append(f"ticks from {format_price(snapshot.anchor_x2 // 2, tick6)}")
    return " · ".join(part for part in parts if part)
