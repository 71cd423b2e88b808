"""Reads from the book's events what became of the orders of some traders: which came to rest and how they ended.

A witness beside the node's lists: a node that hides an order from its list and by its id must leave out its event too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ama_tui.domain.errors import MalformedError, NodeBehindError, RpcError
from ama_tui.domain.reading import OrderCancelled, OrderEvent, OrderHistory, OrderModified, OrderRested, Trade
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import logs, settlement_reader
from ama_tui.venue.learned_limit import LearnedLimit
from ama_tui.venue.rpc import JsonRpc, Request
from ama_tui.venue.settlement_reader import MOST_REQUESTS, head_of, log_requests, successful

ATTEMPTS = 6
"""One of several nodes behind a URL may not have the last block yet."""
BETWEEN_S = 0.15
MOST_NAMED = 200
"""Of more traders than this the events are not asked for by name: the requests would be too large."""


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Reads events of one node in requests of the size that it accepts."""

    rpc: JsonRpc
    span: LearnedLimit
    """Blocks per request."""

    async def read(
        self, order_book: str, traders: Collection[str], from_block: int, to_block: int, *, wants_trades: bool
    ) -> OrderHistory:
        """What happened to the traders' orders, as far back as `from_block` or as one batch of requests reaches.

        Their trades are complete if an order may have been filled, or if the caller wants them. A node without the
        older blocks is asked for those that it has. Raises what the node's failure raises.
        """
        if not traders:
            return OrderHistory(from_block, (), ())
        own, more = _topics(traders)
        start, events = await self._events(order_book, own, from_block, to_block)
        ended = {event.order_id for event in events if isinstance(event, OrderCancelled)}
        rested = [
            event
            for event in events
            # the events of others come too where the node filters less than it is asked to
            if isinstance(event, OrderRested) and event.order_id not in ended and event.trader in traders
        ]
        if rested or wants_trades:  # filled or modified, or still there
            for topics in more:
                later, found = await self._events(order_book, topics, start, to_block)
                if later > start:  # it forgets blocks as we ask: what it no longer has cannot be judged
                    raise MalformedError("the node no longer has events that it had a moment ago", "try another node")
                events += found
        ended |= {event.old_order_id for event in events if isinstance(event, OrderModified)}
        return OrderHistory(
            start,
            tuple(event for event in rested if event.order_id not in ended),
            tuple(dict.fromkeys(event for event in events if isinstance(event, Trade))),
            frozenset(ended),
        )

    async def _events(
        self, order_book: str, topics: Sequence[object], from_block: int, to_block: int
    ) -> tuple[int, list[OrderEvent]]:
        """The events with these topics up to `to_block`, and the first block from which on there is no gap."""
        attempts = 0
        while attempts < ATTEMPTS:
            span = self.span.now
            start = max(1, from_block, to_block - MOST_REQUESTS * span + 1)
            requests = log_requests(order_book, start, to_block, topics, span)
            if not requests:
                return start, []
            head: Request = ("eth_blockNumber", ())
            before, *responses, after = await self.rpc.batch([head, *requests, head])
            reached = head_of([before, after])
            if reached is None:
                raise MalformedError("the node does not tell its latest block", "try another node")
            if reached < to_block:
                attempts += 1
                await asyncio.sleep(BETWEEN_S)
                continue
            kept = _without_gap(responses)
            if kept:
                self.span.accepted(span)
                events = [event for response in kept for event in _decoded(response, order_book)]
                return start + span * (len(responses) - len(kept)), events
            if not self.span.refused(span):
                successful(responses[-1])  # raises the node's error
        raise NodeBehindError(f"the node does not tell events up to block {to_block:,}", "try another node")


def _topics(traders: Collection[str]) -> tuple[list[object], list[list[object]]]:
    """The topics of the orders and sales of these traders, and those of everything else that may end an order."""
    if len(traders) > MOST_NAMED:
        return settlement_reader.order_topics(), []
    words = ["0x" + abi.address_word(trader).hex() for trader in traders]
    return (
        [[abi.ORDER_RESTED, abi.ORDER_CANCELLED, abi.TRADE_EXECUTED], None, words],
        [[[abi.TRADE_EXECUTED], words], [[abi.ORDER_MODIFIED], None, None, words]],
    )


def _without_gap(responses: Sequence[object]) -> Sequence[object]:
    """The latest responses, as far back as none was refused."""
    refused = [place for place, response in enumerate(responses) if isinstance(response, RpcError)]
    return responses[refused[-1] + 1 :] if refused else responses


def _decoded(response: object, order_book: str) -> Iterable[OrderEvent]:
    if not isinstance(response, list):
        raise MalformedError("the node's logs are not a list", "try another node")
    try:
        return logs.events(response, order_book)
    except ValueError as error:
        raise MalformedError(f"the node returned an invalid event: {error}", "try another node") from None
