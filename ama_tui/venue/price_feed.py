"""Asks a place outside the venue for a price."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import orjson

from ama_tui.domain.errors import MalformedError, UnreachableError
from ama_tui.domain.money import PRICE_UNIT
from ama_tui.domain.price_source import PriceSource
from ama_tui.venue.http import HttpClient

PRICE_TIMEOUT_S = 2.0
"""A source that has not answered by then is left out."""
LARGEST = Decimal(10) ** 12
"""No price is larger."""
LONGEST_NUMBER = 64
"""Characters of a price that is a text."""


def feed_client(source: PriceSource) -> HttpClient:
    """A client for a source. Raises ConfigError for a URL that cannot be used."""
    return HttpClient(source.url, name=source.name, timeout=PRICE_TIMEOUT_S)


async def read_price6(client: HttpClient, source: PriceSource) -> int:
    """The source's price now (6 decimals). Raises UnreachableError, MalformedError."""
    response = await client.get()
    if not response.is_ok:
        raise UnreachableError(f"{source.name} responded with status {response.status}")
    return price6_in(response.body, source)


def price6_in(body: bytes, source: PriceSource) -> int:
    """The price in a JSON document, rounded down to 6 decimals. Raises MalformedError."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedError(f"{source.name} did not respond with JSON") from None
    place = ".".join(source.path)
    value = _at(value, source.path)
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > LONGEST_NUMBER:
        raise MalformedError(f"{source.name} has no price at {place}")
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        raise MalformedError(f"{source.name} has no price at {place}") from None
    if not price.is_finite() or not 0 < price <= LARGEST or int(price * PRICE_UNIT) == 0:
        raise MalformedError(f"{source.name} has no price above 0 at {place}")
    return int(price * PRICE_UNIT)


def _at(value: object, path: Sequence[str]) -> object:
    """What is at a place of a document, None if there is nothing."""
    for name in path:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
