"""Compares the node with the second one (`RPC_URL_CHECK`): height, order lists and collateral."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ama_tui.domain.errors import UnreachableError, VenueError
from ama_tui.domain.reading import OrdersRead
from ama_tui.engine.connections import NODES_FAR_APART
from ama_tui.engine.run_context import RunContext
from ama_tui.venue.chain import ChainReader

EVERY_S = 60.0
AGAIN_S = 10.0
"""Between comparisons while the nodes disagree."""
ATTEMPTS = 6
"""Two nodes are rarely at the same block on the first try."""
BETWEEN_S = 0.5


@dataclass(frozen=True, slots=True)
class SecondNode:
    """Notes in the run's context whether the nodes agree."""

    context: RunContext

    async def watch(self, on_compared: Callable[[], None]) -> None:
        """Compare every minute. Calls `on_compared` after each comparison, the one at the start included."""
        while self.context.connections.check is not None:
            on_compared()
            await asyncio.sleep(AGAIN_S if self.context.nodes_differ else EVERY_S)
            await self.compare()

    async def compare(self) -> None:
        """Compare once. A second node that cannot be read changes nothing about what is known."""
        second = self.context.connections.check
        if second is None:
            return
        try:
            self.context.nodes_differ = await self._difference(second)
        except VenueError as error:
            self.context.second_node_problem = f"the second node could not be compared: {error}"
        else:
            self.context.second_node_problem = ""

    async def _difference(self, second: ChainReader) -> str:
        """How the nodes differ, '' if they agree. A difference counts if two comparisons show one: a reorg passes."""
        was_different = False
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(BETWEEN_S)
            ours, theirs = await asyncio.gather(self._read(self.context.connections.chain), self._read(second))
            if ours.block != theirs.block or not (ours.pinned and theirs.pinned):
                continue
            text = difference(ours, theirs)
            if was_different or not text:
                return text
            was_different = True
        if abs(ours.block - theirs.block) > NODES_FAR_APART:
            return f"RPC_URL is at block {ours.block:,}, RPC_URL_CHECK at block {theirs.block:,}"
        raise UnreachableError("the nodes were not at the same block", "comparing again in a minute")

    async def _read(self, chain: ChainReader) -> OrdersRead:
        context = self.context
        known = {book.address: book.known_order_ids for book in context.fleet}
        return await chain.open_orders(context.market.address, list(known), known, context.terms.vault)


def difference(ours: OrdersRead, theirs: OrdersRead) -> str:
    """How two nodes' reads at one block differ, '' if they do not. What one of them could not read is left out."""
    for wallet, orders in ours.orders.items():
        others = theirs.orders.get(wallet)
        if orders is None or others is None:
            continue
        if {order.order_id for order in orders} != {order.order_id for order in others}:
            what = f"{len(orders)} orders of {wallet}, RPC_URL_CHECK {len(others)}"
        elif _differ(ours.available6.get(wallet), theirs.available6.get(wallet)):
            what = f"other collateral of {wallet} than RPC_URL_CHECK"
        else:
            continue
        return f"at block {ours.block:,} RPC_URL shows {what}"
    return ""


def _differ(ours6: int | None, theirs6: int | None) -> bool:
    return ours6 is not None and theirs6 is not None and ours6 != theirs6
