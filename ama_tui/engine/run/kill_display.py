"""Keeps what front ends show of a run up to date during a kill. Decides nothing: the kill reads for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from ama_tui.domain.errors import VenueError
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.run.cycle import Cycle
from ama_tui.engine.run_context import RunContext

SHOW_EVERY_S = 1.0


async def keep_showing(context: RunContext, cycle: Cycle, publish: Callable[[], None]) -> None:
    """Read and publish until cancelled. What could not be read stays as it was, with its age."""
    while True:
        with suppress(VenueError):
            read, read_at_ms, mark6 = await cycle.look()
            if context.read is None or read.block >= context.read.block:
                context.shown, context.shown_at_ms = with_known_levels(context, read), read_at_ms
                context.mark6 = mark6 or context.mark6
        publish()
        await asyncio.sleep(SHOW_EVERY_S)


def with_known_levels(context: RunContext, read: FleetRead) -> FleetRead:
    """The read with the levels of orders that are known already. Learns none, unlike a cycle."""
    wallets = dict(read.wallets)
    for book in context.fleet:
        wallet_read = wallets[book.address]
        memory = book.pending.memory
        orders = tuple(
            replace(order, level=memory[order.order_id].level) if order.order_id in memory else order
            for order in wallet_read.orders
        )
        wallets[book.address] = replace(wallet_read, orders=orders)
    return replace(read, wallets=wallets)
