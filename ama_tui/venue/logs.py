"""Converts a node's logs and receipts to domain values. Raises ValueError if they break the JSON-RPC standard."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

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
from ama_tui.venue import json_scalars
from ama_tui.venue.ranges import MAX_LOG_INDEX, within


def receipt(response: object, order_book: str) -> Receipt | None:
    """Parse an eth_getTransactionReceipt response; None if the transaction is not mined."""
    if response is None:
        return None
    if not isinstance(response, dict):
        raise ValueError("a receipt is not an object")
    block = response.get("blockNumber")
    if block is None:
        return None
    logs = response.get("logs")
    if not isinstance(logs, list):
        raise ValueError("a receipt has no list of logs")
    return Receipt(
        tx_hash=json_scalars.hash32(response.get("transactionHash")),
        ok=within(json_scalars.quantity(response.get("status")), 1, "a receipt's status") == 1,
        block=json_scalars.block_number(block),
        events=events(logs, order_book),
    )


def events(logs: Iterable[object], order_book: str) -> tuple[OrderEvent, ...]:
    """The order book's events among `logs`, in order. Other events are ignored."""
    decoded: list[OrderEvent] = []
    for log in logs:
        if not isinstance(log, dict):
            raise ValueError("a log is not an object")
        topics = log.get("topics")
        if log.get("removed") is True or not isinstance(topics, list) or not topics:
            continue
        decoder = _DECODERS.get(topics[0].lower()) if isinstance(topics[0], str) else None
        if decoder is not None and json_scalars.address(log.get("address")) == order_book.lower():
            decoded.append(
                decoder([json_scalars.data(topic) for topic in topics], json_scalars.data(log.get("data")), log)
            )
    return tuple(decoded)


def trades(logs: object, order_book: str) -> tuple[Trade, ...]:
    """The trades in an eth_getLogs response, by block and log index."""
    if not isinstance(logs, list):
        raise ValueError("the logs are not a list")
    trade_events = [event for event in events(logs, order_book) if isinstance(event, Trade)]
    return tuple(sorted(trade_events, key=lambda trade: (trade.block, trade.log_index)))


def ends(logs: object, order_book: str) -> tuple[OrderCancelled | OrderModified, ...]:
    """The cancelled and moved orders in an eth_getLogs response."""
    if not isinstance(logs, list):
        raise ValueError("the logs are not a list")
    return tuple(event for event in events(logs, order_book) if isinstance(event, OrderCancelled | OrderModified))


def events_of(logs: object, order_book: str, traders: Collection[str], blocks: range) -> list[OrderEvent]:
    """The order book's trades in an eth_getLogs response, and its events that name one of these traders.

    Within these blocks. `traders` are 32-byte topics in lower case. Other events of others are not decoded.
    """
    if not isinstance(logs, list):
        raise ValueError("the logs are not a list")
    wanted: list[object] = []
    for log in logs:
        topics = log.get("topics") if isinstance(log, dict) else None
        if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
            raise ValueError("a log is not an object with topics")
        name, *indexed = (topic.lower() for topic in topics) if topics else ("",)
        is_wanted = name == abi.TRADE_EXECUTED or any(topic in traders for topic in indexed)
        if is_wanted and json_scalars.block_number(log.get("blockNumber")) in blocks:
            wanted.append(log)
    return list(events(wanted, order_book))


_Decoder = Callable[[list[bytes], bytes, dict[str, object]], OrderEvent]


def _placed(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderPlaced:
    return OrderPlaced(*_order_fields(topics, data), decode.boolean(data, 3))


def _rested(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderRested:
    return OrderRested(*_order_fields(topics, data), decode.boolean(data, 3))


def _cancelled(topics: list[bytes], data: bytes, _log: dict[str, object]) -> OrderCancelled:
    return OrderCancelled(*_order_fields(topics, data))


def _order_fields(topics: list[bytes], data: bytes) -> tuple[int, str, int, int, bool]:
    _, order_id, trader = _exactly(topics, 3)
    price6, amount18, is_buy = decode.trade_price6(data, 0), decode.amount18(data, 1), decode.boolean(data, 2)
    return decode.uint(order_id), decode.address(trader), price6, amount18, is_buy


def _modified(topics: list[bytes], data: bytes, log: dict[str, object]) -> OrderModified:
    _, old, new, trader = _exactly(topics, 4)
    return OrderModified(
        decode.uint(old),
        decode.uint(new),
        decode.address(trader),
        decode.trade_price6(data, 0),
        decode.amount18(data, 1),
        json_scalars.block_number(log.get("blockNumber")),
        json_scalars.hash32(log.get("transactionHash")),
    )


def _traded(topics: list[bytes], data: bytes, log: dict[str, object]) -> Trade:
    _, buyer, seller = _exactly(topics, 3)
    return Trade(
        block=json_scalars.block_number(log.get("blockNumber")),
        tx_hash=json_scalars.hash32(log.get("transactionHash")),
        log_index=within(json_scalars.quantity(log.get("logIndex")), MAX_LOG_INDEX, "a log's index"),
        buyer=decode.address(buyer),
        seller=decode.address(seller),
        price6=decode.trade_price6(data, 0),
        amount18=decode.amount18(data, 1),
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
