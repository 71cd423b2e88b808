"""Sessions and orders of a whole fleet, beside a bare client that makes as many on a venue of the same kind."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.bench.bare import BareTimes, bare_times
from tests.bench.client import FinishedRun, run_until_packed
from tests.bench.figures import Figure, Kind, at_most
from tests.bench.scale import Packing, Scale

MANY_ORDERS = 12_000
INTENTS_GOAL, CPU_GOAL = 12_050, 15
"""For this many orders: intents journalled, and seconds of the client's processor time."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One size, packed by both clients."""

    size: Packing
    bare: BareTimes
    run: FinishedRun


def measure(scale: Scale) -> list[Figure]:
    """The ratios to the bare client, the client's processor time, and the intents it journalled."""
    sizes = [size for size in scale.packings if size.node != "anvil" or shutil.which("anvil")]
    if len(sizes) < len(scale.packings):
        print("no anvil on the PATH: its rows are left out … ", end="", file=sys.stderr)
    return [figure for size in sizes for figure in _figures(_packed(size))]


def venue_options(size: Packing) -> VenueOptions:
    """A venue for this many wallets, as the demo has it."""
    return VenueOptions(wallets=size.wallets, block_time=size.block_time, node=size.node)


def packed_bare(size: Packing) -> BareTimes:
    """The bare client on a venue of its own."""
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        path = Path(directory)
        with VenueProcess.spawn(venue_options(size), path, path / "venue.log"):
            return bare_times(path, size.orders_per_side)


def _packed(size: Packing) -> Packed:
    bare = packed_bare(size)
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        path = Path(directory)
        with VenueProcess.spawn(venue_options(size), path, path / "venue.log"):
            return Packed(size, bare, run_until_packed(path, size.wallets, size.orders_per_side))


def _figures(packed: Packed) -> list[Figure]:
    size, run, bare = packed.size, packed.run, packed.bare
    ours, sessions = float(run.summary["seconds_to_packed"]), run.journalled.session_seconds
    is_many, is_each = size.orders >= MANY_ORDERS, size.block_time == 0
    what = f"{size.orders:,} orders, {size.blocks}"
    goal = at_most(1.3 if is_many and is_each else 1.1)
    detail = f"{ours:.1f} s, bare {bare.orders:.1f} s; {run.summary['cycles']} cycles"
    intents_goal = at_most(size.orders * INTENTS_GOAL // MANY_ORDERS)
    figures = [
        Figure(f"packing {what}, to bare", ours / bare.orders, "×", goal, detail, Kind.RATIO),
        Figure(
            f"packing {what}, client CPU",
            run.cpu_seconds,
            "s",
            at_most(CPU_GOAL) if size.orders == MANY_ORDERS else None,
            f"{run.cpu_seconds / size.orders * 1000:.2f} ms an order",
            Kind.CPU,
        ),
        Figure(
            f"packing {what}, intents journalled",
            run.journalled.intents - run.journalled.filled,
            "",
            intents_goal,
            f"and {run.journalled.filled} for orders that were filled meanwhile",
            Kind.COUNT,
        ),
    ]
    if not is_each:
        prepared = run.summary["seconds_sessions"]
        detail = f"{sessions:.1f} s, bare {bare.sessions:.1f} s; the whole preparation {prepared:.1f} s"
        ratio = sessions / bare.sessions
        name = f"sessions of {size.wallets:,} wallets, {size.blocks}, to bare"
        figures.append(Figure(name, ratio, "×", at_most(1.2), detail, Kind.RATIO))
    return figures
