"""How large the benchmarks are: `FULL` for `make bench`, `TINY` for the test that runs every one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and repetitions. A wallet keeps `orders_per_side` orders on both sides."""

    wallets: int
    many_wallets: int
    most_wallets: int
    orders_per_side: int
    steady_cycles: int
    """Cycles to observe of each fleet."""
    steady_block_time: float
    """Seconds between the blocks of that watch; cycles follow one another a little faster."""
    block_times: tuple[float, ...]
    """Seconds between blocks of the packing runs; 0 is a block per transaction."""
    delay_ms: tuple[int, int]
    """Least and most milliseconds between the cycles of a demo; the packer's defaults."""
    planned_wallets: int
    repeats: int
    """How often a computation or a read is timed; a computation's figure is its best, a read's the median."""
    paints: int
    """How often each program is started and painted; the first start fills caches and counts only if alone."""
    memory_seconds: float
    """How long the packed dashboard runs before its memory is read."""
    decoded_orders: int
    journal_lines: int
    live_wallets: int
    """The fleet that the live screen shows under load."""
    live_seconds: float
    """How long the live screen is watched, under load and idle."""
    day_hours: int
    day_hour_seconds: int
    """The simulated day: so many hours of so many seconds."""
    placements: int
    """Orders that each wallet places one after another."""
    sub_calls: int


FULL = Scale(
    wallets=10,
    many_wallets=100,
    most_wallets=1000,
    orders_per_side=6,
    steady_cycles=20,
    steady_block_time=0.5,
    block_times=(0, 1),
    delay_ms=(250, 1200),
    planned_wallets=1000,
    repeats=15,
    paints=21,
    memory_seconds=60,
    decoded_orders=1200,
    journal_lines=5000,
    live_wallets=1000,
    live_seconds=20,
    day_hours=24,
    day_hour_seconds=3600,
    placements=40,
    sub_calls=500,
)

TINY = Scale(
    wallets=1,
    many_wallets=2,
    most_wallets=3,
    orders_per_side=1,
    steady_cycles=1,
    steady_block_time=0.05,
    block_times=(0,),
    delay_ms=(10, 20),
    planned_wallets=2,
    repeats=1,
    paints=1,
    memory_seconds=0.1,
    decoded_orders=10,
    journal_lines=20,
    live_wallets=5,
    live_seconds=1.5,
    day_hours=2,
    day_hour_seconds=60,
    placements=2,
    sub_calls=5,
)


def demo_arguments(scale: Scale, block_time: float) -> list[str]:
    """The options of `ama-tui demo` that make it this large; the seed is always the same."""
    least, most = scale.delay_ms
    return [
        *("--wallets", str(scale.wallets), "--orders-per-side", str(scale.orders_per_side)),
        *("--min-delay-ms", str(least), "--max-delay-ms", str(most)),
        *("--block-time", f"{block_time:g}", "--seed", "1"),
    ]
