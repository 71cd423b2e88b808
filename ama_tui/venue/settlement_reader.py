"""What settles orders: trades and cancels of a range of blocks, receipts of transactions, asked for together."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.errors import RpcError
from ama_tui.domain.reading import OrderCancelled, Receipt, Settlement, Trade
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import logs
from ama_tui.venue.rpc import Request

LOG_SPAN = 500
"""Blocks to one eth_getLogs: public nodes refuse much more."""

MAX_LOG_BLOCKS = 20 * LOG_SPAN


def trade_topics() -> list[object]:
    """The topics of every trade."""
    return [abi.TRADE_EXECUTED]


def cancel_topics(traders: Sequence[str]) -> list[object]:
    """The topics of the cancelled orders of these traders."""
    return [abi.ORDER_CANCELLED, None, ["0x" + abi.address_word(trader).hex() for trader in traders]]


def log_requests(order_book: str, from_block: int, to_block: int, topics: Sequence[object]) -> list[Request]:
    """The order book's events of these topics from one block to another, both included."""
    return [
        (
            "eth_getLogs",
            (
                {
                    "address": order_book.lower(),
                    "topics": topics,
                    "fromBlock": hex(start),
                    "toBlock": hex(min(start + LOG_SPAN - 1, to_block)),
                },
            ),
        )
        for start in range(from_block, to_block + 1, LOG_SPAN)
    ]


def receipt_request(tx_hash: str) -> Request:
    """One transaction's receipt."""
    return "eth_getTransactionReceipt", (tx_hash,)


def settlement(
    order_book: str,
    through: int,
    log_answers: Sequence[object],
    cancel_answers: Sequence[object] | None,
    tx_hashes: Sequence[str],
    receipt_answers: Sequence[object],
) -> Settlement:
    """The answers to the three kinds of request. What cannot be used is told in `error` and left open."""
    errors: list[str] = []
    trades: tuple[Trade, ...] | None
    try:
        trades = tuple(trade for answer in log_answers for trade in logs.trades(_answered(answer), order_book))
    except (RpcError, ValueError) as error:
        trades = None
        errors.append(f"trades: {error}")
    cancels: tuple[OrderCancelled, ...] | None = None
    if cancel_answers is not None:
        try:
            cancels = tuple(event for answer in cancel_answers for event in logs.cancels(_answered(answer), order_book))
        except (RpcError, ValueError) as error:
            errors.append(f"cancels: {error}")
    receipts: dict[str, Receipt | None] = {}
    for tx_hash, answer in zip(tx_hashes, receipt_answers, strict=True):
        receipts[tx_hash] = None
        try:
            found = logs.receipt(_answered(answer), order_book)
            if found is not None and found.tx_hash != tx_hash.lower():
                raise ValueError("it is of another transaction")
            receipts[tx_hash] = found
        except (RpcError, ValueError) as error:
            errors.append(f"receipt of {tx_hash}: {error}")
    return Settlement(trades, through, receipts, errors[0] if errors else "", cancels)


def _answered(answer: object) -> object:
    if isinstance(answer, RpcError):
        raise answer
    return answer
