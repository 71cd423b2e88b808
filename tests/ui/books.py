"""A book with a fleet in it: ten wallets whose orders rest among other traders' orders."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from ama_tui.domain.event import EngineSnapshot, WalletRow
from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import PendingOrder
from tests.ui.fakes import NOW, snapshot, wallet

MID6 = 2_500_000_000
TICK6 = 10_000
UNIT18 = 10**18
DEPTH = 25
"""Levels per side requested from the venue."""


def order(number: int, side: Side, ticks: int, amount18: int = UNIT18 // 5, *, mid6: int = MID6) -> RestingOrder:
    """An order this many ticks from the mid; its id is 900 plus the number, its level counts from 1."""
    price6 = mid6 + (ticks if side is Side.SELL else -ticks) * TICK6
    return RestingOrder(
        order_id=900 + number,
        trader="",
        side=side,
        price6=price6,
        amount18=amount18,
        margin6=amount18 * price6 // 10**18 // 10,
        placed_at=int(NOW) - 30 - 7 * number,
        level=number % 6 + 1,
        placed18=amount18,
    )


def own_orders(index: int, *, mid6: int = MID6) -> tuple[RestingOrder, ...]:
    """Six bids and six asks of a wallet, 10 to 118 ticks from the mid."""
    orders = []
    for side in (Side.BUY, Side.SELL):
        for level in range(6):
            ticks = 10 + (index * 17 + level * 41) % 109
            amount18 = UNIT18 // 20 + UNIT18 // 100 * (index * 7 + level * 3) % (UNIT18 // 5)
            number = index * 12 + level + (6 if side is Side.SELL else 0)
            orders.append(order(number, side, ticks, amount18, mid6=mid6))
    return tuple(orders)


def pending_orders(
    side: Side, ticks: int, amount18: int = UNIT18 // 5, level: int = 1, *, mid6: int = MID6
) -> PendingOrder:
    price6 = mid6 + (ticks if side is Side.SELL else -ticks) * TICK6
    return PendingOrder(side, level, price6, amount18, amount18 * price6 // 10**18 // 10)


def book_of(rows: Iterable[WalletRow], *, others: int = 40, mid6: int = MID6) -> Book:
    """What the venue would show of these wallets' orders and of as many other orders per side, `DEPTH` levels deep."""
    sides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    for number in range(others):
        amount18 = int((1 + math.sin(number * 1.7)) * 0.6 * UNIT18) + UNIT18 // 10
        for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
            sides[side][mid6 + sign * (10 + 3 * number) * TICK6] = amount18
    for row in rows:
        for one in row.orders:
            sides[one.side][one.price6] = sides[one.side].get(one.price6, 0) + one.amount18
    bids = sorted(sides[Side.BUY].items(), reverse=True)[:DEPTH]
    asks = sorted(sides[Side.SELL].items())[:DEPTH]
    return Book(tuple(BookLevel(*pair) for pair in bids), tuple(BookLevel(*pair) for pair in asks))


def fleet(count: int = 10, *, mid6: int = MID6) -> tuple[WalletRow, ...]:
    return tuple(
        replace(
            wallet(index),
            orders=own_orders(index, mid6=mid6),
            session_id=f"0x{0xFEED_0000 + index:064x}",
        )
        for index in range(count)
    )


def packed(wallets: int = 10, *, others: int = 40, mid6: int = MID6, **changes: object) -> EngineSnapshot:
    """A packed fleet on a book with other traders."""
    rows = fleet(wallets, mid6=mid6)
    book = book_of(rows, others=others, mid6=mid6)
    base = replace(
        snapshot(),
        wallets=rows,
        book=book,
        best_bid6=book.bids[0].price6 if book.bids else None,
        best_ask6=book.asks[0].price6 if book.asks else None,
        anchor_x2=2 * mid6,
        mark6=mid6,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the tests name fields of the snapshot


def with_wallet(state: EngineSnapshot, index: int, **changes: object) -> EngineSnapshot:
    """The snapshot with one wallet changed."""
    rows = list(state.wallets)
    rows[index] = replace(rows[index], **changes)  # type: ignore[arg-type]  # fields of the row
    return replace(state, wallets=tuple(rows))
