"""Parses the bodies of the relayer API field by field, with the venue's own error texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Body = dict[str, Any]
TradeKind = Literal["limit", "market", "modify", "cancel"]

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
BYTES32 = re.compile(r"0x[0-9a-fA-F]{64}")
SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2}){65}")
INTEGER = re.compile(r"-?[0-9]{1,78}")
UINT256_MAX = 2**256 - 1


class RefusalError(Exception):
    """An error response: the HTTP status, the body's `error` text and further fields."""

    def __init__(self, status: int, error: str, **more: object) -> None:
        super().__init__(error)
        self.status = status
        self.body: Body = {"error": error, **more}
        self.headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class TradeMethod:
    """A trade method of the API. The order book's function has the same name."""

    name: str
    kind: TradeKind
    spot: bool = False


METHODS: Mapping[str, TradeMethod] = {
    method.name: method
    for method in (
        TradeMethod("sessionPlaceLimit", "limit", spot=True),
        TradeMethod("sessionPlaceMarginLimit", "limit"),
        TradeMethod("sessionPlaceMarket", "market", spot=True),
        TradeMethod("sessionPlaceMarginMarket", "market"),
        TradeMethod("sessionModifyOrder", "modify"),
        TradeMethod("sessionCancelOrder", "cancel"),
    )
}


@dataclass(frozen=True, slots=True)
class TradeRequest:
    """A well-formed trade. Addresses are lower case; fields that its kind does not use are None."""

    book: str
    method: TradeMethod
    session_id: bytes
    trader: str
    order_id: int | None = None
    price6: int | None = None
    amount18: int | None = None
    is_buy: bool | None = None

    @property
    def arguments(self) -> tuple[int | bool, ...]:
        """The function's arguments after the session, the proof and the trader."""
        values = (self.order_id, self.price6, self.amount18, self.is_buy)
        return tuple(value for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class InitRequest:
    """A session permit in the registry's format, and the trader's signature."""

    book: str
    trader: str
    permit: tuple[object, ...]
    signature: bytes


def parse_object(raw: bytes) -> Body:
    """Parse the body of a POST, which must be a JSON object."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RefusalError(400, "missing payload", message="the body is not JSON") from None
    if not isinstance(body, dict) or not body:
        raise RefusalError(400, "missing payload", message="the body is not a JSON object")
    return body


def parse_trade(body: Body, *, margin_only: bool) -> TradeRequest:
    """Parse a trade, checking fields in the same order as the venue."""
    book = _book(body)
    method = METHODS.get(_text(body.get("method")))
    if method is None or (margin_only and method.spot):
        raise RefusalError(400, "method not allowed")
    params = body.get("params")
    if not isinstance(params, dict) or not params:
        raise RefusalError(400, "missing payload", message="params is not a JSON object")
    session_id = _bytes32(body.get("sessionId"), "invalid_session_id")
    trader = _address(params.get("trader"), "invalid_trader")
    return TradeRequest(
        book=book,
        method=method,
        session_id=session_id,
        trader=trader,
        order_id=_integer(params, "orderId") if method.kind in ("modify", "cancel") else None,
        price6=_price6(params) if method.kind in ("limit", "modify") else None,
        amount18=_amount18(params) if method.kind != "cancel" else None,
        is_buy=_side(params) if method.kind in ("limit", "market") else None,
    )


def parse_init(body: Body) -> InitRequest:
    """Parse a session creation. Every integer of the permit is a decimal string."""
    book = _book(body)
    permit = body.get("permit")
    if not isinstance(permit, dict) or not permit:
        raise RefusalError(400, "missing payload", message="permit is not a JSON object")
    signature = body.get("signature")
    if not isinstance(signature, str):
        raise RefusalError(400, "missing payload", message="signature is missing")
    if SIGNATURE.fullmatch(signature) is None:
        raise RefusalError(400, "bad_sig", message="signature is not 65 bytes of hex")
    trader = _address(permit.get("trader"), "invalid_trader")
    markets = permit.get("allowedMarkets")
    if not isinstance(markets, list):
        raise RefusalError(400, "missing payload", message="permit.allowedMarkets is not a list")
    fields = (
        trader,
        _permit_bytes32(permit, "relayerSetRoot"),
        _integer(permit, "expiry"),
        _integer(permit, "maxNotionalPerTrade"),
        _integer(permit, "maxNotionalPerSession"),
        _permit_bytes32(permit, "methodsBitmap"),
        _permit_bytes32(permit, "sessionSalt"),
        [_bytes32(market, "session_orderbook_not_allowed") for market in markets],
        _integer(permit, "nonce"),
    )
    return InitRequest(book, trader, fields, bytes.fromhex(signature[2:]))


def parse_session_id(value: object) -> bytes:
    """Parse 32 bytes of 0x hex, else refuse with `invalid_session_id`."""
    return _bytes32(value, "invalid_session_id")


def parse_trader(value: object) -> str:
    """Parse an address into lower case, else refuse with `invalid_trader`."""
    return _address(value, "invalid_trader")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _book(body: Body) -> str:
    return _address(body.get("orderBook"), "invalid orderBook")


def _address(value: object, error: str) -> str:
    if ADDRESS.fullmatch(_text(value)) is None:
        raise RefusalError(400, error)
    return _text(value).lower()


def _bytes32(value: object, error: str) -> bytes:
    if BYTES32.fullmatch(_text(value)) is None:
        raise RefusalError(400, error)
    return bytes.fromhex(_text(value)[2:])


def _permit_bytes32(permit: Body, name: str) -> bytes:
    if BYTES32.fullmatch(_text(permit.get(name))) is None:
        raise RefusalError(400, "missing payload", message=f"permit.{name} is not 32 bytes of hex")
    return bytes.fromhex(permit[name][2:])


def _integer(fields: Body, name: str) -> int:
    """Parse an unsigned decimal string. Errors look like those of the venue's ABI encoder."""
    value = fields.get(name)
    if value is None:
        raise RefusalError(500, f"missing parameter: {name} (decimal string)")
    if INTEGER.fullmatch(_text(value)) is None:
        raise RefusalError(500, f"cannot convert {name} to an integer: it must be a decimal string")
    number = int(_text(value))
    if not 0 <= number <= UINT256_MAX:
        raise RefusalError(500, f"value of {name} is out of range for uint256")
    return number


def _price6(params: Body) -> int:
    value = params.get("price")
    if value is None or value == "":
        raise RefusalError(400, "missing_price")
    if INTEGER.fullmatch(_text(value)) is None or int(_text(value)) > UINT256_MAX:
        raise RefusalError(400, "invalid_price")
    if int(_text(value)) <= 0:
        raise RefusalError(400, "price_must_be_gt_0")
    return int(_text(value))


def _amount18(params: Body) -> int:
    value = params.get("amount")
    if value is None or value == "":
        raise RefusalError(400, "missing_amount")
    if INTEGER.fullmatch(_text(value)) is not None and int(_text(value)) <= 0:
        raise RefusalError(400, "amount_must_be_gt_0")
    return _integer(params, "amount")


def _side(params: Body) -> bool:
    value = params.get("isBuy")
    if value is None:
        raise RefusalError(500, "missing parameter: isBuy (bool)")
    if not isinstance(value, bool):
        raise RefusalError(500, "missing parameter: isBuy must be a JSON boolean")
    return value
