"""Response bodies of the venue's API: pydantic models and their conversion to domain values.

Every parser takes the endpoint's name and the raw body, and raises MalformedError if the body breaks the wire
contract. Fields outside the contract are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ama_tui.domain.errors import MalformedError
from ama_tui.domain.market import DEFAULT_TICK6, Book, BookLevel, Market, Quote
from ama_tui.domain.money import PRICE_UNIT, amount18_from_ui, price6_from_ui
from ama_tui.domain.reading import LiveQuote, SessionCreated, SessionStatusResponse, TradeResponse
from ama_tui.domain.session import ZERO_ADDRESS, RelayerSet
from ama_tui.venue import json_scalars
from ama_tui.venue.ranges import (
    MAX_AGE_MS,
    MAX_AMOUNT18,
    MAX_BLOCK,
    MAX_CHAIN_ID,
    MAX_LEVELS,
    MAX_NONCE,
    MAX_RELAYERS,
    MAX_ROWS,
    MAX_UI_PRICE,
    within,
)
from ama_tui.venue.sanitize import excerpt, one_line

_HINT = "check that APP_URL is the address of a supported venue"


def _price6(value: object) -> int | None:
    """A price in UI units with 6 decimals; None if it is null or rounds to 0, which is no price."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a price")
    price6 = price6_from_ui(value)
    if price6 is None or price6 > MAX_UI_PRICE * PRICE_UNIT:
        raise ValueError("not a price")
    return price6 or None


def _symbol(value: object) -> str:
    if isinstance(value, str) and (text := value.strip()) and text.isprintable() and len(text) <= 64:
        return text
    raise ValueError("not a symbol of up to 64 printable characters")


def _identifier(value: object) -> str | None:
    try:
        return _symbol(value)
    except ValueError:
        return None


def _chain_id(value: object) -> int:
    return within(json_scalars.uint(value) - 1, MAX_CHAIN_ID - 1, "a positive chain id") + 1


def _age_ms(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_AGE_MS:
        raise ValueError("not an age in milliseconds")
    return int(value)


def _at_most(most: int, what: str) -> Callable[[object], int]:
    return lambda value: within(json_scalars.uint(value), most, what)


Address = Annotated[str, BeforeValidator(json_scalars.address)]
Hash = Annotated[str, BeforeValidator(json_scalars.hash32)]
Uint = Annotated[int, BeforeValidator(json_scalars.uint)]
Flag = Annotated[bool, BeforeValidator(json_scalars.flag)]
Nonce = Annotated[int, BeforeValidator(_at_most(MAX_NONCE, "a nonce"))]
BlockNumber = Annotated[int, BeforeValidator(_at_most(MAX_BLOCK, "a block number"))]
Count = Annotated[int, BeforeValidator(_at_most(MAX_ROWS, "a number of rows"))]
AgeMs = Annotated[int, BeforeValidator(_age_ms)]
Price6 = Annotated[int | None, BeforeValidator(_price6)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


BodyT = TypeVar("BodyT", bound=_Body)


class _MarketRow(_Body):
    symbol: Annotated[str, BeforeValidator(_symbol)] = Field(validation_alias=AliasChoices("symbol", "name"))
    market_identifier: Annotated[str | None, BeforeValidator(_identifier)] = None
    market_address: Address
    market_id_bytes32: Hash
    chain_id: Annotated[int, BeforeValidator(_chain_id)]
    tick_size: Any = None


class _Pagination(_Body):
    total: Count


class _MarketsBody(_Body):
    markets: list[Any]
    pagination: _Pagination | None = None


class _LiveData(_Body):
    order_book: Address = Field(validation_alias="orderBookAddress")
    best_bid6: Price6 = Field(None, validation_alias="bestBid")
    best_ask6: Price6 = Field(None, validation_alias="bestAsk")
    last_trade6: Price6 = Field(None, validation_alias="lastTradePrice")
    mark6: Price6 = Field(None, validation_alias="markPrice")
    depth: Any = None


class _LiveBody(_Body):
    cache_age_ms: AgeMs = Field(0, validation_alias="cacheAgeMs")
    data: _LiveData


class _RelayerSetBody(_Body):
    addresses: list[Address] = Field(validation_alias="relayerAddresses", max_length=MAX_RELAYERS)
    root: Hash = Field(validation_alias="relayerSetRoot")


class _NonceBody(_Body):
    nonce: Nonce


class _SentBody(_Body):
    tx_hash: Hash = Field(validation_alias="txHash")
    block: BlockNumber | None = Field(None, validation_alias="blockNumber")


class _CreatedBody(_SentBody):
    session_id: Hash = Field(validation_alias="sessionId")


class _TradeBody(_SentBody):
    mined: Flag | None = None
    pending: Flag | None = None


class _StatusBody(_Body):
    exists: Flag
    active: Flag = False
    revoked: Flag = False
    expiry: Uint = 0
    trader: Address | None = None
    root: Hash | None = Field(None, validation_alias="relayerSetRoot")


def markets_page(where: str, body: bytes) -> tuple[list[Market], int, int | None]:
    """The valid rows of a page, the number of all its rows, and the total over all pages if the venue reports it."""
    page = _parsed(_MarketsBody, where, body)
    rows = [market for row in page.markets if (market := market_of_row(row)) is not None]
    return rows, len(page.markets), page.pagination.total if page.pagination else None


def market_of_row(row: object) -> Market | None:
    """One row of the market list. None if its symbol, address, id or chain id is missing or invalid."""
    if isinstance(row, dict) and not row.get("symbol"):
        row = {key: value for key, value in row.items() if key != "symbol"}
    try:
        parsed = _MarketRow.model_validate(row)
    except ValidationError:
        return None
    if parsed.market_address == ZERO_ADDRESS:
        return None
    return Market(
        symbol=parsed.symbol,
        address=parsed.market_address,
        market_id=parsed.market_id_bytes32,
        chain_id=parsed.chain_id,
        tick6=_tick6(parsed.tick_size),
        identifier=parsed.market_identifier,
        tick_is_default=parsed.tick_size is None,
    )


def live_quote(where: str, body: bytes) -> LiveQuote:
    """The live prices of a market. An invalid depth becomes an empty book."""
    live = _parsed(_LiveBody, where, body)
    data = live.data
    return LiveQuote(
        address=data.order_book,
        quote=Quote(data.best_bid6, data.best_ask6, data.last_trade6, data.mark6),
        book=_depth(data.depth),
        cache_age_ms=live.cache_age_ms,
    )


def relayer_set(where: str, body: bytes) -> RelayerSet:
    """The relayers and the root the venue reports for them."""
    parsed = _parsed(_RelayerSetBody, where, body)
    return RelayerSet(tuple(parsed.addresses), parsed.root)


def nonce(where: str, body: bytes) -> int:
    """A trader's next nonce."""
    return _parsed(_NonceBody, where, body).nonce


def session_created(where: str, body: bytes) -> SessionCreated:
    """The session created from a permit."""
    parsed = _parsed(_CreatedBody, where, body)
    return SessionCreated(parsed.session_id, parsed.tx_hash, parsed.block)


def session_status(where: str, body: bytes) -> SessionStatusResponse:
    """The API's view of a session. Other fields are ignored if the session does not exist."""
    raw = _loaded(where, body)
    if isinstance(raw, dict) and raw.get("exists") is False:
        return SessionStatusResponse(exists=False, active=False, revoked=False)
    parsed = _validated(_StatusBody, raw, where, body)
    return SessionStatusResponse(
        exists=parsed.exists,
        active=parsed.active,
        revoked=parsed.revoked,
        expiry=parsed.expiry,
        trader=parsed.trader,
        relayer_set_root=parsed.root,
    )


def trade_response(where: str, body: bytes) -> TradeResponse:
    """The response to an order action or a revocation."""
    parsed = _parsed(_TradeBody, where, body)
    mined = parsed.block is not None if parsed.mined is None else parsed.mined
    pending = not mined if parsed.pending is None else parsed.pending
    return TradeResponse(parsed.tx_hash, parsed.block, mined and not pending, pending)


def _tick6(value: object) -> int:
    """The tick with 6 decimals; 0 if it is not a positive multiple of 0.000001. Set-up refuses 0."""
    if value is None:
        return DEFAULT_TICK6
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0
    try:
        tick6 = Decimal(str(value)) * PRICE_UNIT
        exact = tick6.is_finite() and 0 < tick6 <= MAX_UI_PRICE and tick6 == tick6.to_integral_value()
    except ArithmeticError:
        return 0
    return int(tick6) if exact else 0


def _depth(depth: object) -> Book:
    if not isinstance(depth, dict):
        return Book()
    try:
        return Book(_side(depth, "bidPrices", "bidAmounts"), _side(depth, "askPrices", "askAmounts"))
    except (ValueError, TypeError, KeyError):
        return Book()


def _side(depth: dict[str, Any], prices: str, amounts: str) -> tuple[BookLevel, ...]:
    within(len(depth[prices]), MAX_LEVELS, "a number of price levels")
    pairs = zip(depth[prices], depth[amounts], strict=True)
    levels = ((_price6(price), amount18_from_ui(amount)) for price, amount in pairs)
    return tuple(
        BookLevel(price6, within(amount18, MAX_AMOUNT18, "an amount")) for price6, amount18 in levels if price6
    )


def _parsed(model: type[BodyT], where: str, body: bytes) -> BodyT:
    return _validated(model, _loaded(where, body), where, body)


def _loaded(where: str, body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError:
        raise _malformed(where, "invalid JSON", body) from None


def _validated(model: type[BodyT], raw: object, where: str, body: bytes) -> BodyT:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the body"
        problem = (
            f"an invalid response ({one_line(field, 60)}: {one_line(first['msg'].removeprefix('Value error, '), 80)})"
        )
        raise _malformed(where, problem, body) from None


def _malformed(where: str, problem: str, body: bytes) -> MalformedError:
    return MalformedError(f"{where} returned {problem}: {excerpt(body) or '(empty)'}", _HINT)
