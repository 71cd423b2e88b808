"""Which levels of a wallet are missing on a side (the packer's rule 4)."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import PendingOrder, WalletSnapshot
from ama_tui.strategies.spacing import LevelSpacing


@dataclass(frozen=True, slots=True)
class SideOrders:
    """One wallet's resting and pending orders on one side."""

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

    def missing_levels(self, spacing: LevelSpacing) -> list[int]:
        """The levels to fill, lowest first.

        Together with the resting and pending orders they never exceed the number of levels, even if two orders share
        a level. An order whose level is unknown counts for the vacant level nearest the anchor.
        """
        target = len(spacing.distances)
        moved = {order.order_id for order in self.resting}
        missing = target - len(self.resting) - sum(order.moves not in moved for order in self.pending_orders)
        if missing <= 0:
            return []
        occupied: set[int] = {order.level for order in self.pending_orders}
        unknown = 0
        for order in self.resting:
            if order.level is None:
                unknown += 1
            else:
                occupied.add(order.level)
        if unknown:
            vacant = [level for level in spacing.nearest_first if level not in occupied]
            occupied.update(vacant[:unknown])
        return [level for level in range(1, target + 1) if level not in occupied][:missing]
