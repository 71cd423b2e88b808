"""What moves the distances of `rebalance`: depth imbalance, volatility and a wallet's position. Each is a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import Side
from ama_tui.domain.plan import MarketSnapshot, WalletSnapshot

DEPTH_LEVELS = 10
"""How many price levels of each side count for the imbalance."""


@dataclass(frozen=True, slots=True)
class Volatility:
    """How far the mid moves from trade to trade: an exponentially weighted average over trades.

    It changes with trades only. In a market without trades it stays as it is, so nothing is moved on its account.
    """

    variance: float = 0.0
    """Per trade, in ticks squared."""
    mid_x2: int | None = None
    """Twice the mid at the last trade (6 decimals); None before the first."""

    @property
    def ticks(self) -> float:
        """The typical distance that the mid moves with one trade."""
        return sqrt(self.variance)

    def after(self, trades: int, mid_x2: int | None, tick6: int, half_life: int) -> Volatility:
        """The same after `trades` more trades, which left the mid at `mid_x2`.

        A trade's weight halves after `half_life` more trades. Trades seen together share the move between them.
        """
        if not trades or mid_x2 is None:
            return self
        if self.mid_x2 is None:
            return Volatility(self.variance, mid_x2)
        moved_ticks = (mid_x2 - self.mid_x2) / (2 * tick6)
        kept = 0.5 ** (trades / half_life)
        return Volatility(kept * self.variance + (1 - kept) * moved_ticks * moved_ticks / trades, mid_x2)


def imbalance(market: MarketSnapshot) -> float:
    """How much more others bid than they ask near the touch: -1 (asks only) to 1 (bids only), 0 without a book.

    The mean of what the chain and the API's live depth say. The fleet's own orders are left out: it must not follow
    itself.
    """
    own = _own18(market.wallets)
    shares = [share for book in (market.book, market.live_book) if (share := _share(book, own)) is not None]
    return sum(shares) / len(shares) if shares else 0.0


def inventory(wallet: WalletSnapshot, full18: int) -> float:
    """A wallet's position as a share of the position at which the skew is complete: -1 (short) to 1 (long)."""
    return max(-1.0, min(1.0, wallet.position18 / full18))


def _own18(wallets: Iterable[WalletSnapshot]) -> dict[Side, Counter[int]]:
    """What the fleet has resting on each side, by price."""
    own: dict[Side, Counter[int]] = {side: Counter() for side in Side}
    for wallet in wallets:
        for order in wallet.orders:
            own[order.side][order.price6] += order.amount18
    return own


def _share(book: Book, own: dict[Side, Counter[int]]) -> float | None:
    bids = _others18(book.bids, own[Side.BUY])
    asks = _others18(book.asks, own[Side.SELL])
    return (bids - asks) / (bids + asks) if bids + asks else None


def _others18(levels: Iterable[BookLevel], own: Counter[int]) -> int:
    """What others have resting at the best levels that are not the fleet's alone."""
    found = [rest for level in levels if (rest := level.amount18 - own[level.price6]) > 0]
    return sum(found[:DEPTH_LEVELS])
