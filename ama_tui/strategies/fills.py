"""Which levels wait after a fill: remembered from plan to plan, because a snapshot does not show what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, MarketSnapshot, WalletSnapshot

Level = tuple[str, Side, int]
"""A wallet, a side and a level."""


@dataclass(frozen=True, slots=True)
class FillMemory:
    """Levels with an order, and levels whose order was filled. Empty without a pause."""

    rested: Mapping[Level, bool] = field(default_factory=dict)
    """Levels that had a resting order and are not vacant since: whether it was being cancelled."""
    waiting: Mapping[Level, float] = field(default_factory=dict)
    """Until when a level waits (block time, Unix seconds)."""

    def after(self, market: MarketSnapshot, delay_s: float | None) -> FillMemory:
        """What to remember after this snapshot. An order that is gone and was not being cancelled was filled.

        A wallet that was not read keeps what is remembered of it.
        """
        if not delay_s:
            return FillMemory()
        now = market.now
        rested: dict[Level, bool] = {}
        waiting = {level: until for level, until in self.waiting.items() if until > now}
        before: dict[str, list[tuple[Level, bool]]] = {}
        for level, is_cancelled in self.rested.items():
            before.setdefault(level[0], []).append((level, is_cancelled))
        for wallet in market.wallets:
            known = before.get(wallet.address, [])
            if not wallet.was_read:
                rested.update(known)
                continue
            resting, pending = _levels(wallet)
            for level, is_cancelled in known:
                if level in resting:
                    continue
                if level in pending:
                    rested[level] = is_cancelled
                elif not is_cancelled:
                    waiting[level] = now + delay_s
            rested.update(resting)
        return FillMemory(rested, waiting)

    def cancelling(self, cancels: Iterable[Cancel]) -> FillMemory:
        """The same after a plan with these cancels: their orders are not filled when they are gone."""
        if not self.rested:
            return self
        ended = {(one.wallet, one.side, one.level): True for one in cancels if one.level is not None}
        return FillMemory({level: state or level in ended for level, state in self.rested.items()}, self.waiting)

    def seconds_left(self, wallet: str, side: Side, level: int, now: int) -> float:
        """How long a level still waits, 0 if it does not."""
        return max(0.0, self.waiting.get((wallet, side, level), 0.0) - now)


def _levels(wallet: WalletSnapshot) -> tuple[dict[Level, bool], set[Level]]:
    """The levels of its resting orders, with whether they are being cancelled, and those of its pending orders."""
    resting = {
        (wallet.address, order.side, order.level): order.order_id in wallet.cancelling
        for order in wallet.orders
        if order.level is not None
    }
    return resting, {(wallet.address, order.side, order.level) for order in wallet.pending_orders}
