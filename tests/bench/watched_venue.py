"""A venue in a process of its own that notes what reaches it and when, and lets a taker fill orders of its wallets.

    python -m tests.bench.watched_venue DIRECTORY OPTIONS

The notes are taken at the venue, so they hold for any client, whatever happens inside it. Times are on the monotonic
clock, which all processes of a machine share. It obeys the lines on its standard input, see `VenueWatch.obey`, and
answers each with a line of JSON; it ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from aiohttp import web

from ama_tui.localnet.api import Api
from ama_tui.localnet.blocks import Block
from ama_tui.localnet.contract_reads import ContractRead, read_all
from ama_tui.localnet.embedded import EmbeddedNode
from ama_tui.localnet.faults.injector import Strike
from ama_tui.localnet.options import read_options
from ama_tui.localnet.relayer import RelayerService
from ama_tui.localnet.venue import LocalVenue
from ama_tui.localnet.wire import Body, TradeRequest

DEPTH = 250


@dataclass(slots=True)
class VenueWatch:
    """The notes since they were last asked for. `obey` carries out a command on the venue."""

    notes: list[dict[str, Any]] = field(default_factory=list)
    is_noting: bool = False
    """Only once somebody has asked: the reads of a fleet that packs are many."""
    _is_buyer_next: bool = True

    def watch(self) -> None:
        """Note every block, every read and every trade request of the venues that start from now on."""
        announce, answer, live, trade = EmbeddedNode._announce, EmbeddedNode._answer, Api.live, RelayerService.trade

        def announcing(node: EmbeddedNode, block: Block) -> None:
            self._note({"kind": "block", "at": monotonic(), "number": block.number})
            announce(node, block)

        async def answering(node: EmbeddedNode, request: web.Request) -> web.Response:
            began = monotonic()
            response = await answer(node, request)
            self._note_read(began, "", (await request.read()).decode(), response)
            return response

        async def quoting(api: Api, request: web.Request) -> web.Response:
            began = monotonic()
            response = await live(api, request)
            self._note_read(began, request.path_qs, "", response)
            return response

        async def trading(relayer: RelayerService, request: TradeRequest, strike: Strike | None = None) -> Body:
            self._note({"kind": "post", "at": monotonic(), "trader": request.trader})
            return await trade(relayer, request, strike)

        EmbeddedNode._announce = announcing  # type: ignore[method-assign,assignment]
        EmbeddedNode._answer = answering  # type: ignore[method-assign,assignment]
        Api.live = quoting  # type: ignore[method-assign,assignment]
        RelayerService.trade = trading  # type: ignore[method-assign,assignment]

    def _note_read(self, began: float, path: str, body: str, response: web.Response) -> None:
        size = len(response.body) if isinstance(response.body, bytes) else 0
        self._note({"kind": "read", "at": monotonic(), "began": began, "path": path, "body": body, "size": size})

    def _note(self, note: dict[str, Any]) -> None:
        if self.is_noting:
            self.notes.append(note)

    async def obey(self, venue: LocalVenue, command: str) -> object:
        """`notes`: those since the last time. `fill SYMBOL`: see `_fill`. `pace S`: a block every S seconds."""
        word, _, argument = command.partition(" ")
        if word == "notes":
            taken, self.notes, self.is_noting = self.notes, [], True
            return taken
        if word == "fill":
            return await self._fill(venue, argument)
        await venue.node.set_block_time(float(argument))
        return None

    async def _fill(self, venue: LocalVenue, symbol: str) -> object:
        """Take the side's book up to the fleet's best order, then let the maker quote again as before.

        Returns the block of the fill and the traders whose orders it filled. Sides take turns.
        """
        is_buy, self._is_buyer_next = self._is_buyer_next, not self._is_buyer_next
        book = venue.market(symbol)
        best = await _fleet_orders(venue, symbol, is_buyer=is_buy)
        depth = (await read_all(venue.node, [_read(book.address, "getOrderBookDepthFromPointers", DEPTH)]))[0]
        prices, amounts = depth[2:] if is_buy else depth[:2]
        price6 = min(best) if is_buy else max(best)
        taken18 = sum(
            amount
            for price, amount in zip(prices, amounts, strict=True)
            if (price <= price6) == is_buy or price == price6
        )
        receipt = await venue.take(symbol, is_buy, taken18)
        await venue.set_price(symbol, book.spec.price_ticks * book.spec.tick6)
        return {"block": receipt.block_number, "traders": sorted(best[price6])}


async def _fleet_orders(venue: LocalVenue, symbol: str, *, is_buyer: bool) -> dict[int, set[str]]:
    """The fleet's orders that a buyer (or seller) could take: price to traders."""
    book = venue.market(symbol).address
    wallets = [wallet.account for wallet in venue.wallets]
    listed = await read_all(venue.node, [_read(book, "getUserOrders", wallet) for wallet in wallets])
    orders = await read_all(venue.node, [_read(book, "getOrder", order) for (ids,) in listed for order in ids])
    found: dict[int, set[str]] = {}
    for order in orders:
        if order[0] != 0 and order[4] != is_buyer:
            found.setdefault(order[2], set()).add(order[1].lower())
    return found


def _read(book: str, function: str, argument: object) -> ContractRead:
    return ContractRead("OrderBook", book, function, (argument,))


async def _serve(directory: Path, options: str) -> None:
    watch = VenueWatch()
    watch.watch()
    async with await LocalVenue.start(read_options(options)) as venue:
        venue.write(directory)
        print(json.dumps({"rpc_url": venue.rpc_url, "app_url": venue.app_url}), flush=True)
        while command := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await watch.obey(venue, command.strip())), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2]))
