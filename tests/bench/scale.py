"""How large the benchmarks are: `FULL` for `make bench`, `LONG` for `make bench-long`, `SHORT` for CI, and `TINY` for
the test that runs every one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Packing:
    """A fleet to pack, on a venue of its own."""

    wallets: int
    orders_per_side: int = 6
    block_time: float = 0
    """Seconds between blocks; 0 is a block per transaction."""
    node: Literal["embedded", "anvil"] = "embedded"

    @property
    def orders(self) -> int:
        return 2 * self.orders_per_side * self.wallets

    @property
    def blocks(self) -> str:
        """`a block per transaction on anvil`."""
        blocks = "a block per transaction" if self.block_time == 0 else f"{self.block_time:g} s blocks"
        return blocks if self.node == "embedded" else f"{blocks} on {self.node}"


@dataclass(frozen=True, slots=True)
class SteadyFleet:
    """A packed fleet that is watched."""

    wallets: int
    block_time: float
    """Seconds between the blocks."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and repetitions. A wallet keeps `orders_per_side` orders per side."""

    orders_per_side: int
    reacting: SteadyFleet
    """The fleet whose orders are filled."""
    fills: int
    """How many, with push and again with polling."""
    fleets: tuple[SteadyFleet, ...]
    """Those whose cycles are watched. A block lasts long enough for a bare client's reads and a cycle."""
    steady_cycles: int
    """Cycles to observe of each fleet."""
    packings: tuple[Packing, ...]
    checked_fleets: tuple[int, ...]
    """Sizes of the fleets beside which an order is checked."""
    saved_wallets: int
    journal_lines: int
    idle_wallets: int
    idle_seconds: float
    """How long the packed dashboard is watched."""
    dashboard: Packing | None
    """A fleet that is packed with the dashboard open."""
    planned_wallets: int
    repeats: int
    """How often a computation is timed; its best counts."""
    paints: int
    """How often each program is started and painted; the first start fills caches and counts only if alone."""
    live_wallets: int
    """The fleet shown on the live screen under load."""
    live_seconds: float
    day_wallets: int
    day_hours: int
    day_hour_seconds: int
    """The simulated day: this many hours of this many seconds."""


FULL = Scale(
    orders_per_side=6,
    reacting=SteadyFleet(10, 1),
    fills=20,
    fleets=(SteadyFleet(10, 1), SteadyFleet(100, 1.5)),
    steady_cycles=12,
    packings=(Packing(100), Packing(100, node="anvil"), Packing(100, block_time=1)),
    checked_fleets=(10, 1000, 5000),
    saved_wallets=1000,
    journal_lines=100_000,
    idle_wallets=10,
    idle_seconds=25,
    dashboard=None,
    planned_wallets=1000,
    repeats=11,
    paints=9,
    live_wallets=1000,
    live_seconds=20,
    day_wallets=10,
    day_hours=24,
    day_hour_seconds=3600,
)

LONG = replace(
    FULL,
    fills=40,
    fleets=(SteadyFleet(1000, 1.5),),
    packings=(
        Packing(1000, block_time=1),
        Packing(1000),
        Packing(5000, orders_per_side=1, block_time=1),
    ),
    journal_lines=1_000_000,
    dashboard=Packing(1000, block_time=1),
)

SHORT = replace(
    FULL,
    fills=5,
    fleets=(SteadyFleet(10, 1),),
    steady_cycles=6,
    packings=(Packing(20),),
    checked_fleets=(10, 1000),
    journal_lines=20_000,
    repeats=5,
)

TINY = Scale(
    orders_per_side=1,
    reacting=SteadyFleet(1, 0.3),
    fills=1,
    fleets=(SteadyFleet(1, 0.4),),
    steady_cycles=1,
    packings=(Packing(1, 1, 0.1),),
    checked_fleets=(2,),
    saved_wallets=2,
    journal_lines=20,
    idle_wallets=1,
    idle_seconds=0.2,
    dashboard=None,
    planned_wallets=2,
    repeats=1,
    paints=1,
    live_wallets=5,
    live_seconds=1.5,
    day_wallets=1,
    day_hours=2,
    day_hour_seconds=60,
)
