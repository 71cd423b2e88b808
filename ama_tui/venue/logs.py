"""Logs and receipts of the node as domain values. What is not as the standard has it raises ValueError."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ama_tui.domain.reading import (
    OrderCancelled,
    OrderEvent,
    OrderModified,
    OrderPlaced,
    OrderRested,
    Receipt,
    Trade,
)
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue import json_scalars as wire


def receipt(answer: object, order_book: str) -> Receipt | None:
    """An eth_getTransactionReceipt answer; None when the transaction is not mined (yet)."""
    if answer is None:
        return None
    if not isinstance(answer, dict):
        raise ValueError("a receipt is not an object")
    block = answer.get("blockNumber")
    if block is None:
        return None
    logs = answer.get("logs")
    if not isinstance(logs, list):
        raise ValueError("a receipt has no list of logs")
    return Receipt(
        tx_hash=wire.hash32(answer.get("transactionHash")),
        ok=wire.quantity(answer.get("status")) == 1,
        block=wire.quantity(block),
        events=events(logs, order_book),
    )


def events(logs: Iterable[object], order_book: str) -> tuple[OrderEvent, ...]:
    """The order book's own events among logs, in their order; unknown ones are left out."""
    found: list[OrderEvent] = []
    for log in logs:
        if not isinstance(log, dict):
            raise ValueError("a log is not an object")
        topics = log.get("topics")
        if log.get("removed") is True or not isinstance(topics, list) or not topics:
            continue
        decoder = _DECODERS.get(topics[0].lower()) if isinstance(topics[0], str) else None
        if decoder is not None and wire.address(log.get("address")) == order_book.lower():
            found.append(decoder([wire.data(topic) for topic in topics], wire.data(log.get("data")), log))
    return tuple(found)


def trades(logs: object, order_book: str) -> tuple[Trade, ...]:
    """An eth_getLogs answer's trades, by block and position."""
    if not isinstance(logs, list):
        raise ValueError("the logs are not a list")
    found = [event for event in events(logs, order_book) if isinstance(event, Trade)]
    return tuple(sorted(found, key=lambda trade: (trade.block, trade.log_index)))


def cancels(logs: object, order_book: str) -> tuple[OrderCancelled, ...]:
    """An eth_getLogs answer's cancelled orders."""
    if not isinstance(logs, list):
        raise ValueError("the logs are not a list")
    return tuple(event for event in events(logs, order_book) if isinstance(event, OrderCancelled))


_Decoder = Callable[[list[bytes], bytes, dict[str, object]], OrderEvent]


def _placed(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderPlaced:
    return OrderPlaced(*_order_fields(topics, data), decode.boolean(data, 3))


def _rested(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderRested:
    return OrderRested(*_order_fields(topics, data), decode.boolean(data, 3))


def _cancelled(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderCancelled:
    return OrderCancelled(*_order_fields(topics, data))


def _order_fields(topics: list[bytes], data: bytes) -> tuple[int, str, int, int, bool]:
    _, order_id, trader = _exactly(topics, 3)
    price6, amount18, is_buy = decode.uint(data, 0), decode.uint(data, 1), decode.boolean(data, 2)
    return decode.uint(order_id), decode.address(trader), price6, amount18, is_buy


def _modified(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderModified:
    _, old, new, trader = _exactly(topics, 4)
    ids = decode.uint(old), decode.uint(new)
    return OrderModified(*ids, decode.address(trader), decode.uint(data, 0), decode.uint(data, 1))


def _traded(topics: list[bytes], data: bytes, log: dict[str, object]) -> Trade:
    _, buyer, seller = _exactly(topics, 3)
    return Trade(
        block=wire.quantity(log.get("blockNumber")),
        tx_hash=wire.hash32(log.get("transactionHash")),
        log_index=wire.quantity(log.get("logIndex")),
        buyer=decode.address(buyer),
        seller=decode.address(seller),
        price6=decode.uint(data, 0),
        amount18=decode.uint(data, 1),
    )


def _exactly(topics: list[bytes], count: int) -> list[bytes]:
    if len(topics) != count:
        raise ValueError(f"an event has {len(topics)} topics instead of {count}")
    return topics


_DECODERS: dict[str, _Decoder] = {
    abi.ORDER_PLACED: _placed,
    abi.ORDER_RESTED: _rested,
    abi.ORDER_CANCELLED: _cancelled,
    abi.ORDER_MODIFIED: _modified,
    abi.TRADE_EXECUTED: _traded,
}
