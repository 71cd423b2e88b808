"""From the block that fills an order of the fleet to the POST of its replacement, as the venue sees both.

The client is `ama-tui run` with its default delays. It hears of blocks by push, or has to ask.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

from ama_tui.localnet.options import VenueOptions
from tests.bench.client import MARKET, run_options, running
from tests.bench.figures import Figure, Kind, at_most
from tests.bench.scale import Scale
from tests.bench.timing import p95
from tests.bench.venue_process import Notes, WatchedVenue, watched_venue

LONGEST_PACKING, LONGEST_REACTION = 120.0, 20.0
PUSH_GOAL, POLLING_GOAL, READ_GOAL = at_most(50), at_most(90), at_most(12)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What came of one fill, in milliseconds."""

    ms: float
    """From the fill's block to the POST."""
    from_read_ms: float
    """From the venue's last answer to a read before it, to the POST."""


def measure(scale: Scale) -> list[Figure]:
    """The p95 of both times with push, and with polling."""
    figures: list[Figure] = []
    for way, goal in (("push", PUSH_GOAL), ("polling", POLLING_GOAL)):
        found = asyncio.run(_reactions(scale, has_push=way == "push"))
        whole, from_read = [one.ms for one in found], [one.from_read_ms for one in found]
        detail = f"{len(found)} fills, median {median(whole):.0f} ms, worst {max(whole):.0f}"
        part = f"median {median(from_read):.1f} ms, worst {max(from_read):.0f}"
        figures += [
            Figure(f"fill's block to POST, {way}, p95", p95(whole), "ms", goal, detail, Kind.CPU),
            Figure(f"read to POST, {way}, p95", p95(from_read), "ms", READ_GOAL, part, Kind.CPU),
        ]
    return figures


async def _reactions(scale: Scale, *, has_push: bool) -> list[Reaction]:
    wallets, block_time = scale.reacting.wallets, scale.reacting.block_time
    options = VenueOptions(wallets=wallets, block_time=block_time, traders=False)
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        path = Path(directory)
        with watched_venue(options, path) as venue:
            if not has_push:
                _forget_push(path)
            await venue.notes()
            with running(path, run_options(wallets, scale.orders_per_side)):
                await _until_quiet(venue, block_time, orders=2 * scale.orders_per_side * wallets)
                return [one for _ in range(scale.fills) for one in await _react(venue, block_time)]


def _forget_push(directory: Path) -> None:
    """Take the WebSocket out of the client's settings."""
    settings = directory / ".env"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith("RPC_WS_URL=")]
    settings.write_text("\n".join(kept) + "\n")


async def _until_quiet(venue: WatchedVenue, block_time: float, *, orders: int) -> None:
    """Wait until the fleet has sent this many orders, and none for two blocks."""
    deadline = monotonic() + LONGEST_PACKING
    sent, latest = 0, monotonic()
    while sent < orders or monotonic() < latest + 2 * block_time:
        if monotonic() > deadline:
            raise TimeoutError(f"{sent} of {orders} orders were sent in {LONGEST_PACKING:g} s")
        await asyncio.sleep(block_time / 4)
        posts = (await venue.notes()).posts
        sent += len(posts)
        latest = posts[-1][0] if posts else latest


async def _react(venue: WatchedVenue, block_time: float) -> list[Reaction]:
    """Fill an order at an odd moment and wait for its replacement: a reaction for each wallet that was filled."""
    await asyncio.sleep(random.uniform(0, block_time))
    await venue.notes()
    block, traders = await venue.fill(MARKET)
    deadline = monotonic() + LONGEST_REACTION
    notes = await venue.notes()
    while not set(traders) <= {trader for at, trader in notes.posts if at > notes.blocks[block]}:
        if monotonic() > deadline:
            raise TimeoutError(f"the order filled in block {block} was not replaced in {LONGEST_REACTION:g} s")
        await asyncio.sleep(block_time / 4)
        notes = notes.followed_by(await venue.notes())
    return [reaction(notes, block, trader) for trader in traders]


def reaction(notes: Notes, block: int, trader: str) -> Reaction:
    """How soon after this block the trader's first order came."""
    produced = notes.blocks[block]
    posted = min(at for at, who in notes.posts if who == trader and at > produced)
    read = max(note.ended for note in notes.reads if note.ended < posted and note.is_of_a_cycle)
    return Reaction((posted - produced) * 1000, (posted - read) * 1000)
