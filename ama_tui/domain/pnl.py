"""What trades have earned: a position at its average entry, and what closing parts of it realised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import Side


@dataclass(frozen=True, slots=True)
class Pnl:
    """The trades of one wallet on one market, or of several wallets added up. Fees are not in it.

    Amounts have 18 decimals and values 24 (amount times price). So the result as a whole is exact: only how it is split
    between realised and open depends on rounding, when a position is closed in part.
    """

    position18: int = 0
    """Positive when long."""
    cost24: int = 0
    """What the open position cost at its average entry; negative for a short."""
    realised24: int = 0
    bought18: int = 0
    sold18: int = 0
    notional24: int = 0
    """The value of all trades."""
    fills: int = 0

    def after(self, side: Side, price6: int, amount18: int) -> Pnl:
        """After one more trade. It first closes what it offsets, at the average entry, then opens the rest.

        The cost of a partial close is rounded towards zero, as the vault does it.
        """
        sign = 1 if side.is_buy else -1
        held18 = abs(self.position18)
        closed18 = min(held18, amount18) if self.position18 * sign < 0 else 0
        opened18 = amount18 - closed18
        released24 = -sign * (abs(self.cost24) * closed18 // held18) if closed18 else 0
        return Pnl(
            position18=self.position18 + sign * amount18,
            cost24=self.cost24 - released24 + sign * opened18 * price6,
            realised24=self.realised24 - sign * closed18 * price6 - released24,
            bought18=self.bought18 + (amount18 if side.is_buy else 0),
            sold18=self.sold18 + (0 if side.is_buy else amount18),
            notional24=self.notional24 + amount18 * price6,
            fills=self.fills + 1,
        )

    def moved_to(self, position18: int, price6: int) -> Pnl:
        """With another position than the trades explain. The difference is taken to have traded at this price.

        It counts neither as a fill nor as volume.
        """
        missing18 = position18 - self.position18
        if not missing18:
            return self
        moved = self.after(Side.BUY if missing18 > 0 else Side.SELL, price6, abs(missing18))
        return Pnl(
            moved.position18, moved.cost24, moved.realised24, self.bought18, self.sold18, self.notional24, self.fills
        )

    @property
    def average6(self) -> int | None:
        """The average entry price (6 decimals), None without a position."""
        return self.cost24 // self.position18 if self.position18 else None

    @property
    def realised6(self) -> int:
        """In USDC (6 decimals), rounded down."""
        return self.realised24 // AMOUNT_UNIT

    def open6(self, mark6: int) -> int:
        """The result of the open position by the mark price (USDC, 6 decimals), rounded down."""
        return (self.position18 * mark6 - self.cost24) // AMOUNT_UNIT

    def result6(self, mark6: int) -> int:
        """Realised and open together (USDC, 6 decimals), rounded down once."""
        return (self.realised24 + self.position18 * mark6 - self.cost24) // AMOUNT_UNIT


def total(parts: Iterable[Pnl]) -> Pnl:
    """All of them added up. The average entry of long and short wallets together means nothing."""
    position18 = cost24 = realised24 = bought18 = sold18 = notional24 = fills = 0
    for one in parts:
        position18 += one.position18
        cost24 += one.cost24
        realised24 += one.realised24
        bought18 += one.bought18
        sold18 += one.sold18
        notional24 += one.notional24
        fills += one.fills
    return Pnl(position18, cost24, realised24, bought18, sold18, notional24, fills)
