"""Orders on the chain, and the tag that links an order to our intent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TAG_UNIT = 10**9
"""The low nine of an amount's 18 decimals hold the tag. They are worth at most a billionth of a unit."""

MAX_TAG_LEVEL = 99
MAX_TAG_SEQUENCE = 99_999


class Side(Enum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def is_buy(self) -> bool:
        return self is Side.BUY

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


@dataclass(frozen=True, slots=True)
class Tag:
    """Identifies an order on the chain."""

    level: int
    """1 to 99."""
    sequence: int
    """Counts the wallet's orders, 0 to 99,999, then starts over."""


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """A resting order as read from the chain. Reconciliation adds `level` and `placed18`."""

    order_id: int
    trader: str
    side: Side
    price6: int
    amount18: int
    margin6: int
    """The margin that the venue reserves for it."""
    placed_at: int
    """Time of the block in which it came to rest, Unix seconds."""
    is_margin: bool = True
    level: int | None = None
    """The level it was placed for; None if unknown."""
    placed18: int | None = None
    """The amount it was placed with; None if unknown."""


def encode_tag(tag: Tag) -> int:
    """The nine digits LLSSSSSCC (level, sequence, check). The number is 1 modulo 97 (ISO 7064).

    Raises ValueError for a level outside 1..99 or a sequence outside 0..99999.
    """
    if not 1 <= tag.level <= MAX_TAG_LEVEL or not 0 <= tag.sequence <= MAX_TAG_SEQUENCE:
        raise ValueError(f"tag out of range: {tag}")
    payload = (tag.level * (MAX_TAG_SEQUENCE + 1) + tag.sequence) * 100
    return payload + 98 - payload % 97


def decode_tag(amount18: int) -> Tag | None:
    """The tag of an amount; None if its check digits are wrong."""
    digits = amount18 % TAG_UNIT
    check = digits % 100
    if digits % 97 != 1 or not 2 <= check <= 98:
        return None
    level, sequence = divmod(digits // 100, MAX_TAG_SEQUENCE + 1)
    return Tag(level, sequence) if level >= 1 else None
