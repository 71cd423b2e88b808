"""What became of the orders that earlier processes sent, as reported at start-up."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.order import Side


@dataclass(frozen=True, slots=True)
class AccountedOrder:
    """An order that an earlier process sent. Fields are None where unknown."""

    wallet: str
    side: Side
    level: int | None
    order_id: int | None
    price6: int | None
    amount18: int


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """What became of the orders that earlier processes sent."""

    block: int = 0
    """The block of the read that shows it."""
    adopted: tuple[AccountedOrder, ...] = ()
    filled_away: tuple[AccountedOrder, ...] = ()
    cancelled_elsewhere: tuple[AccountedOrder, ...] = ()
    cancelled: tuple[AccountedOrder, ...] = ()
    """Cancelled by ourselves just before the last process ended."""
    gone: tuple[AccountedOrder, ...] = ()
    """Not on the book, and nothing explains why."""
    orphans: tuple[AccountedOrder, ...] = ()
    """On the book, but in no journal."""
    unknown: tuple[AccountedOrder, ...] = ()
    """Not resolved yet."""
    late: int = 0
    """How many of the adopted orders had been given up before."""

    @property
    def counts(self) -> dict[str, int]:
        """The summary's counts; unexplained orders count as unknown."""
        return {
            "adopted": len(self.adopted),
            "filled_away": len(self.filled_away),
            "cancelled_elsewhere": len(self.cancelled_elsewhere),
            "orphans": len(self.orphans),
            "unknown": len(self.unknown) + len(self.gone),
        }

    @property
    def parts(self) -> tuple[tuple[str, tuple[AccountedOrder, ...]], ...]:
        """Each group with its label, in the order shown."""
        return (
            ("adopted", self.adopted),
            ("filled while away", self.filled_away),
            ("cancelled by someone else", self.cancelled_elsewhere),
            ("cancelled", self.cancelled),
            ("gone", self.gone),
            ("not in the journal", self.orphans),
            ("not resolved yet", self.unknown),
        )

    @property
    def text(self) -> str:
        """`12 adopted, 1 filled while away`; '' when there was nothing to account for."""
        return ", ".join(f"{len(orders)} {name}" for name, orders in self.parts if orders)
