"""Reads what changed since an earlier read: the market, some wallets, events and receipts, in one batch.

The batch tells how far its events reach and whether the earlier read's block is still part of the chain. Whatever it
leaves open makes it worth nothing: the caller then reads everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.domain.reading import (
    FleetChanges,
    FleetRead,
    OrderCancelled,
    OrderEvent,
    OrderModified,
    OrderRested,
    Receipt,
    Settlement,
    Trade,
    WalletRead,
)
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import fleet_reader, json_scalars, logs, settlement_reader
from ama_tui.venue.batch_reads import number_of
from ama_tui.venue.change_parts import BLOCK_CALLS, OpenPart, Piece, packed, parts_read, request_for
from ama_tui.venue.contract_reads import CallReader
from ama_tui.venue.fleet_calls import MARKET, CallMemory
from ama_tui.venue.fleet_reader import Contracts, PartlyRead, WalletQuery
from ama_tui.venue.multicall import CallResult
from ama_tui.venue.multicall_reads import MulticallReader
from ama_tui.venue.rpc import JsonRpc, Request

MOST_CALLS = 8
"""The most eth_calls in one batch: the rest of a large fleet is read in other cycles."""


class Since(NamedTuple):
    """The read that the changes are counted from."""

    block: int
    block_hash: str
    """'' if unknown."""


class ChangeReader:
    """Reads changes on a chain with Multicall3 through a node that takes batches."""

    def __init__(self, rpc: JsonRpc, calls: CallReader) -> None:
        self._rpc = rpc
        self._calls = calls
        self._memory = CallMemory()

    async def room(self) -> int:
        """How many contract calls fit into one eth_call beside the market's; 0 if changes cannot be read here."""
        multicall = await self._calls.multicall()
        if multicall is None or self._rpc.batch_limit <= MOST_CALLS:
            return 0
        return max(0, multicall.chunk - BLOCK_CALLS - fleet_reader.MARKET_CALLS)

    async def read(
        self,
        contracts: Contracts,
        depth_levels: int,
        queries: Sequence[WalletQuery],
        since: Since,
        fleet: Mapping[str, str],
        tx_hashes: Sequence[str],
    ) -> FleetChanges | None:
        """The market and these wallets at the latest block, and what the book's events since `since` say.

        `fleet` has every wallet's address by its topic. None if the answers leave anything open. Raises what the
        node's failure raises, and MalformedError if the best prices could not be read.
        """
        multicall = await self._calls.multicall()
        asked = self._memory.calls(contracts, depth_levels, queries)
        chunks = [] if multicall is None else packed(asked.groups, multicall.chunk - BLOCK_CALLS)
        requests = self._requests(contracts.order_book, chunks, since, tx_hashes)
        if multicall is None or not 0 < len(chunks) <= MOST_CALLS or len(requests) > self._rpc.batch_limit:
            return None
        responses = await self._rpc.batch(requests, splits=False)
        rest = responses[len(chunks) :]
        try:
            parts = parts_read(asked, chunks, responses[: len(chunks)])
            block, known = parts.block, parts.known
            block_hash = _reach(rest[0], rest[-2], rest[-1], block, since)
            blocks = range(since.block + 1, block + 1)
            events = logs.events_of(settlement_reader.successful(rest[1]), contracts.order_book, fleet, blocks)
        except (RpcError, MalformedError, ValueError):
            return None
        results, is_pinned, newest = await self._results(multicall, parts.open_parts, block)
        market = known.market or fleet_reader.book_view(results[MARKET])
        numbered = dict(enumerate(queries, MARKET + 1))
        partly = {
            number: PartlyRead.of(query, iter(results[number]))
            for number, query in numbered.items()
            if number not in known.wallets
        }
        new, is_pinned, newest = await self._completed(contracts, partly.values(), block, (is_pinned, newest))
        view, has_book = market
        reads = {
            query.address: known.wallets[number] if number in known.wallets else new[query.address]
            for number, query in numbered.items()
        }
        asked.remember(
            parts.new, market, {number: new[one.holdings.address] for number, one in partly.items() if not one.unread}
        )
        read = FleetRead(
            block,
            parts.block_time,
            is_pinned,
            view,
            reads,
            has_book,
            newest,
            frozenset(reads),
            block_hash,
        )
        receipts, errors = settlement_reader.receipts(contracts.order_book, tx_hashes, rest[2:-2])
        return FleetChanges(read, _settlement(events, block, receipts, errors), _touched(events, fleet))

    async def wallets(
        self, contracts: Contracts, queries: Sequence[WalletQuery], block: int
    ) -> tuple[dict[str, WalletRead], bool, int]:
        """These wallets at a block, or later if the node cannot read there: also whether pinned, and the latest block.

        Raises what the node's failure raises.
        """
        calls = [call for query in queries for call in fleet_reader.whole_calls(contracts, query)]
        read = await self._calls.run_at(calls, block)
        found = iter(read.results)
        partly = [PartlyRead.of(query, found) for query in queries]
        return await self._completed(contracts, partly, block, (read.pinned, read.newest))

    def _requests(
        self, order_book: str, chunks: Sequence[Sequence[Piece]], since: Since, tx_hashes: Sequence[str]
    ) -> list[Request]:
        """The batch: calls, head, events, receipts, the earlier block, head."""
        wanted = {
            "address": order_book,
            "topics": settlement_reader.order_topics(),
            "fromBlock": hex(since.block),  # a range that begins beyond the head is an error at some nodes
            "toBlock": "latest",
        }
        return [
            *map(request_for, chunks),
            ("eth_getBlockByNumber", ("latest", False)),
            ("eth_getLogs", (wanted,)),
            *map(settlement_reader.receipt_request, tx_hashes),
            ("eth_getBlockByNumber", (hex(since.block), False)),
            ("eth_blockNumber", ()),
        ]

    async def _results(
        self, multicall: MulticallReader, parts: Sequence[OpenPart], block: int
    ) -> tuple[Mapping[int, list[CallResult]], bool, int]:
        """The results of open parts at a block by group: a block may have come between two parts of a batch.

        Also whether they are pinned, and the latest block.
        """
        by_group: defaultdict[int, list[CallResult]] = defaultdict(list)
        is_pinned, newest = True, block
        for part in parts:
            if part.results is not None:
                results = await multicall.completed(part.calls, list(chain.from_iterable(part.results)), hex(block))
            else:
                again = await self._calls.run_at(part.calls, block)
                results = again.results
                is_pinned, newest = is_pinned and again.pinned, max(newest, again.newest)
            left = iter(results)
            for piece in part.pieces:
                by_group[piece.number] += islice(left, len(piece.group.calls))
        return by_group, is_pinned, newest

    async def _completed(
        self, contracts: Contracts, partly: Collection[PartlyRead], block: int, so_far: tuple[bool, int]
    ) -> tuple[dict[str, WalletRead], bool, int]:
        """The wallets with the orders that were listed and not known, which takes another request if there are any."""
        unread = [order_id for wallet in partly for order_id in wallet.unread]
        more = await self._calls.run_at(fleet_reader.order_calls(contracts.order_book, unread), block)
        orders = iter(more.results)
        reads = {wallet.holdings.address: wallet.completed(orders) for wallet in partly}
        return reads, so_far[0] and more.pinned, max(so_far[1], more.newest)


def topics_of(addresses: Sequence[str]) -> dict[str, str]:
    """Addresses by their topics in events."""
    return {"0x" + abi.address_word(address).hex(): address.lower() for address in addresses}


def _reach(head: object, earlier: object, last: object, block: int, since: Since) -> str:
    """The hash of `block`, '' if the head is another one. Raises ValueError or RpcError if the batch leaves a doubt.

    Nodes tell no events beyond their head, and no error either. So the head is read before and after them.
    """
    number, block_hash = _number_and_hash(head)
    if min(number, number_of(last)) < block:
        raise ValueError("the events do not reach as far as the calls")
    earlier_number, earlier_hash = _number_and_hash(earlier)
    if earlier_number != since.block or (since.block_hash and earlier_hash != since.block_hash):
        raise ValueError("the earlier block was undone")
    return block_hash if number == block else ""


def _number_and_hash(response: object) -> tuple[int, str]:
    block = settlement_reader.successful(response)
    if not isinstance(block, dict):
        raise ValueError("not a block")
    return json_scalars.block_number(block.get("number")), json_scalars.hash32(block.get("hash"))


def _settlement(
    events: Sequence[OrderEvent], through: int, receipts: Mapping[str, Receipt | None], errors: Sequence[str]
) -> Settlement:
    trades = sorted(
        (event for event in events if isinstance(event, Trade)), key=lambda trade: (trade.block, trade.log_index)
    )
    cancels = tuple(event for event in events if isinstance(event, OrderCancelled))
    modifies = tuple(event for event in events if isinstance(event, OrderModified))
    return Settlement(tuple(trades), through, receipts, errors[0] if errors else "", cancels, modifies)


def _touched(events: Sequence[OrderEvent], fleet: Mapping[str, str]) -> dict[str, frozenset[int]]:
    """The wallets that events name, with the ids of orders that came to rest."""
    ours = frozenset(fleet.values())
    touched: defaultdict[str, set[int]] = defaultdict(set)
    for event in events:
        names = (event.buyer, event.seller) if isinstance(event, Trade) else (event.trader,)
        for name in ours.intersection(names):
            if isinstance(event, OrderRested):
                touched[name].add(event.order_id)
            elif isinstance(event, OrderModified):
                touched[name].add(event.new_order_id)
            else:
                touched[name].update(())
    return {name: frozenset(ids) for name, ids in touched.items()}
