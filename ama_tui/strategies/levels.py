"""Levels: which ones a wallet misses on a side (the packer's rule 4)."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import PendingOrder, WalletSnapshot
from ama_tui.strategies.ladder import Ladder


@dataclass(frozen=True, slots=True)
class SideOrders:
    """What one wallet has on one side: resting on the chain, and working (in flight or unknown)."""

    side: Side
    resting: list[RestingOrder]
    pending_orders: list[PendingOrder]

    @classmethod
    def of(cls, wallet: WalletSnapshot, side: Side) -> SideOrders:
        return cls(
            side,
            [order for order in wallet.orders if order.side is side],
            [order for order in wallet.pending_orders if order.side is side],
        )

    def missing_levels(self, ladder: Ladder) -> list[int]:
        """The levels to fill, lowest first.

        Together with what rests and works they are never more than the ladder has levels, even when
        two orders share one. An order whose level is not known takes the vacant level nearest the anchor.
        """
        target = len(ladder.distances)
        short = target - len(self.resting) - len(self.pending_orders)
        if short <= 0:
            return []
        occupied: set[int] = {order.level for order in self.pending_orders}
        unknown = 0
        for order in self.resting:
            if order.level is None:
                unknown += 1
            else:
                occupied.add(order.level)
        if unknown:
            vacant = [level for level in ladder.nearest_first if level not in occupied]
            occupied.update(vacant[:unknown])
        return [level for level in range(1, target + 1) if level not in occupied][:short]
