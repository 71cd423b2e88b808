"""A wallet's collateral, which its orders on all markets of a run share: the venue knows only one account.

Each market reads the account at its own block, and knows its own orders as of that read only. So what all orders of a
wallet hold together is known exactly only while none of them is on its way; until then the last exact figure counts,
and the margin of positions in it moves with every fill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Protocol

from ama_tui.domain.money import BPS_UNIT
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import SharedCollateral
from ama_tui.domain.reading import WalletRead
from ama_tui.engine.pending_orders import PendingOrders
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.takes import WalletTakes


class AccountBook(Protocol):
    """A wallet's book on one market, as its account sees it."""

    session: SessionSlot
    pending: PendingOrders
    takes: WalletTakes
    read: WalletRead | None
    changed_block: int

    @property
    def orders(self) -> tuple[RestingOrder, ...]: ...

    def reserved6(self) -> int: ...
    def held6(self) -> int: ...


@dataclass(slots=True)
class MarketShare:
    """One market's part of the collateral of every wallet of a run."""

    share: Fraction = Fraction(1)
    """Its weight among the weights of all markets."""
    utilization: Fraction = Fraction(0)
    """The share of the collateral that orders may tie up if this were the only market."""
    is_net: bool = True
    """Does the venue subtract the margin of resting orders from the collateral that it calls available?"""


def utilization_of(parameters: Parameters) -> Fraction:
    """The share of the collateral that orders may tie up, in whole basis points."""
    return Fraction(round(parameters.max_utilization * BPS_UNIT), BPS_UNIT)


@dataclass(slots=True)
class WalletAccount:
    """One wallet's books on the markets of a run."""

    parts: list[tuple[AccountBook, MarketShare]] = field(default_factory=list)
    accounted6: int | None = None
    """All collateral when a read last accounted for every order: available, and the margin of resting orders and of
    positions on all markets (USDC, 6 decimals). Only deposits, fees and realised results change it. None before the
    first such read.
    """
    session_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a session is created: the registry numbers a wallet's sessions, whatever their market."""

    def add(self, book: AccountBook, share: MarketShare) -> None:
        """Add the wallet's book on another market."""
        self.parts.append((book, share))

    def took(self, book: AccountBook, read: WalletRead, block: int) -> None:
        """Note the collateral that a read of one market shows, if every order is accounted for."""
        if any(other.read is None for other in self._others(book)):
            return
        is_still = not book.pending and self.is_settled(book, block)
        if self.accounted6 is None or (is_still and not any(other.pending for other in self._others(book))):
            self.accounted6 = read.collateral6 + self.reserved_elsewhere6(book) + self._locked_elsewhere6(book)

    def holds_unseen(self, margin6: int) -> None:
        """Note margin of an order that rests according to an event, and that no read has shown (USDC, 6 decimals)."""
        if self.accounted6 is not None:
            self.accounted6 += margin6

    def held_unseen6(self, book: AccountBook, read: WalletRead) -> int | None:
        """Margin that the vault may still hold for orders that a read of one market does not show (USDC, 6 decimals).

        It is what is missing from the last read that accounted for every order. None before such a read, and on a venue
        whose available collateral does not depend on resting orders.
        """
        if self.accounted6 is None or not all(share.is_net for _, share in self.parts):
            return None
        return self.accounted6 - read.collateral6 - self.reserved_elsewhere6(book) - self._locked_elsewhere6(book)

    def is_settled(self, book: AccountBook, block: int) -> bool:
        """Is it certain that the orders on the other markets have released nothing that a read of this block misses?"""
        return all(not other.pending.cancels and other.changed_block <= block for other in self._others(book))

    def resting_elsewhere6(self, book: AccountBook) -> int:
        """Margin of the orders that rest on the other markets and are not being cancelled (USDC, 6 decimals)."""
        leaving6 = sum(
            order.margin6
            for other in self._others(book)
            for order in other.orders
            if order.order_id in other.pending.cancels
        )
        return max(0, self.reserved_elsewhere6(book) - leaving6)

    def reserved_elsewhere6(self, book: AccountBook) -> int:
        """Margin of the orders that rest on the other markets, as last read (USDC, 6 decimals)."""
        return sum(other.reserved6() for other in self._others(book))

    def held_elsewhere6(self, book: AccountBook) -> int:
        """The same with pending and unknown orders."""
        return sum(other.held6() for other in self._others(book))

    def using(self, session: SessionSlot) -> list[AccountBook]:
        """The books whose orders are sent under these sessions: those of all markets that share them."""
        return [book for book, _ in self.parts if book.session is session]

    @property
    def held6(self) -> int:
        """Margin of all its resting, pending and unknown orders (USDC, 6 decimals)."""
        return sum(book.held6() for book, _ in self.parts)

    def shared(self, book: AccountBook) -> SharedCollateral | None:
        """What the other markets leave to this one; None if there are none."""
        if len(self.parts) < 2:
            return None
        share = next(share for one, share in self.parts if one is book)
        return SharedCollateral(share.share, self._elsewhere6(book), self.held_elsewhere6(book), self._limit)

    def limit6(self, book: AccountBook) -> int:
        """The most margin that the orders on all markets may use, by one of its latest reads (USDC, 6 decimals)."""
        if book.read is None:
            return 0
        return floor((book.read.available6 + book.reserved6() + self._elsewhere6(book)) * self._limit)

    @property
    def _limit(self) -> Fraction:
        return sum((share.utilization * share.share for _, share in self.parts), Fraction(0))

    def _elsewhere6(self, book: AccountBook) -> int:
        """The part of the collateral that the other markets' orders tie up: never more than it is.

        While orders are on their way, the last exact figure says how much collateral there is in all. It is negative
        after a deposit.
        """
        if self.accounted6 is None or book.read is None:
            return 0
        known6 = book.read.available6 + book.reserved6() + book.read.locked6 + self._locked_elsewhere6(book)
        rest6 = self.accounted6 - known6
        return min(rest6, self.held_elsewhere6(book))

    def _locked_elsewhere6(self, book: AccountBook) -> int:
        return sum(other.read.locked6 for other in self._others(book) if other.read is not None)

    def _others(self, book: AccountBook) -> Iterator[AccountBook]:
        return (one for one, _ in self.parts if one is not book)


@dataclass(slots=True)
class Accounts:
    """The accounts of a run's wallets, by address in lower case."""

    _accounts: dict[str, WalletAccount] = field(default_factory=dict)

    def of(self, address: str) -> WalletAccount:
        """The account of a wallet."""
        return self._accounts.setdefault(address.lower(), WalletAccount())
