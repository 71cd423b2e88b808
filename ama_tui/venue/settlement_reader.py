"""Reads trades and cancels of a range of blocks and receipts of transactions in one batch."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.errors import RpcError
from ama_tui.domain.reading import OrderCancelled, OrderModified, Receipt, Settlement, Trade
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import json_scalars, logs
from ama_tui.venue.rpc import Request

LONGEST_SPAN = 500
"""Blocks per request. Public nodes refuse much larger ranges."""
MOST_REQUESTS = 20
"""Requests for one range of blocks, whatever the span: a longer range is read in several turns."""
MAX_LOG_BLOCKS = MOST_REQUESTS * LONGEST_SPAN
"""The largest range of blocks in one read, if the node accepts the longest span."""


def order_topics() -> list[object]:
    """The topics that match everything that changes a resting order, and all trades."""
    return [[abi.ORDER_RESTED, abi.ORDER_CANCELLED, abi.ORDER_MODIFIED, abi.TRADE_EXECUTED]]


def trade_topics() -> list[object]:
    """The topics that match all trades."""
    return [abi.TRADE_EXECUTED]


def cancel_topics(traders: Sequence[str]) -> list[object]:
    """The topics that match cancelled orders of these traders."""
    return [abi.ORDER_CANCELLED, None, ["0x" + abi.address_word(trader).hex() for trader in traders]]


def modify_topics(traders: Sequence[str]) -> list[object]:
    """The topics that match moved orders of these traders."""
    return [abi.ORDER_MODIFIED, None, None, ["0x" + abi.address_word(trader).hex() for trader in traders]]


def log_requests(order_book: str, from_block: int, to_block: int, topics: Sequence[object], span: int) -> list[Request]:
    """Requests for the order book's events with these topics, from `from_block` to `to_block` (inclusive).

    Each covers `span` blocks at most.
    """
    return [
        (
            "eth_getLogs",
            (
                {
                    "address": order_book.lower(),
                    "topics": topics,
                    "fromBlock": hex(start),
                    "toBlock": hex(min(start + span - 1, to_block)),
                },
            ),
        )
        for start in range(from_block, to_block + 1, span)
    ]


def receipt_request(tx_hash: str) -> Request:
    """A request for a transaction's receipt."""
    return "eth_getTransactionReceipt", (tx_hash,)


def head_of(responses: Sequence[object]) -> int | None:
    """The lowest block number in these eth_blockNumber responses; None if one of them has none."""
    try:
        return min(json_scalars.block_number(successful(response)) for response in responses)
    except (RpcError, ValueError):
        return None


def settlement(
    order_book: str,
    through: int,
    trade_responses: Sequence[object],
    order_responses: Sequence[object] | None,
    tx_hashes: Sequence[str],
    receipt_responses: Sequence[object],
) -> Settlement:
    """Decode the responses. The first unusable response is reported in `error`; its part stays unknown.

    `order_responses` have the cancelled and moved orders.
    """
    errors: list[str] = []
    trades: tuple[Trade, ...] | None
    try:
        trades = tuple(trade for response in trade_responses for trade in logs.trades(successful(response), order_book))
    except (RpcError, ValueError) as error:
        trades = None
        errors.append(f"trades: {error}")
    cancels: tuple[OrderCancelled, ...] | None = None
    modifies: tuple[OrderModified, ...] | None = None
    if order_responses is not None:
        try:
            ended = [event for response in order_responses for event in logs.ends(successful(response), order_book)]
            cancels = tuple(event for event in ended if isinstance(event, OrderCancelled))
            modifies = tuple(event for event in ended if isinstance(event, OrderModified))
        except (RpcError, ValueError) as error:
            errors.append(f"cancels: {error}")
    found, receipt_errors = receipts(order_book, tx_hashes, receipt_responses)
    errors += receipt_errors
    return Settlement(trades, through, found, errors[0] if errors else "", cancels, modifies)


def receipts(
    order_book: str, tx_hashes: Sequence[str], responses: Sequence[object]
) -> tuple[dict[str, Receipt | None], list[str]]:
    """The receipts by hash, None for those that are not mined or unusable, and what was wrong with these."""
    found: dict[str, Receipt | None] = {}
    errors: list[str] = []
    for tx_hash, response in zip(tx_hashes, responses, strict=True):
        found[tx_hash] = None
        try:
            receipt = logs.receipt(successful(response), order_book)
            if receipt is not None and receipt.tx_hash != tx_hash.lower():
                raise ValueError("the node returned another transaction's receipt")
            found[tx_hash] = receipt
        except (RpcError, ValueError) as error:
            errors.append(f"receipt of {tx_hash}: {error}")
    return found, errors


def successful(response: object) -> object:
    """A response of a batch. Raises RpcError if it is one."""
    if isinstance(response, RpcError):
        raise response
    return response
