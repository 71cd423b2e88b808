"""Orders as the chain shows them, and the tag that says which of our intents one was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TAG_UNIT = 10**9
"""An amount's low nine decimal digits (of 18) carry the tag: worth a billionth of a unit at most."""

MAX_TAG_LEVEL = 99
MAX_TAG_SEQUENCE = 99_999


class Side(Enum):
    """The side of the book that an order rests on."""

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
    """The order's identity on the chain: its level and a per-wallet sequence number."""

    level: int
    sequence: int


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """A live order as read from the chain.

    `margin6` is what the venue reserves for it, `placed_at` Unix seconds of the block it rested in.
    `level` is the level it was placed for (None: not known), `placed18` the amount it was placed
    with (None: not known); both are filled in by reconciliation, the chain does not hold them.
    """

    order_id: int
    trader: str
    side: Side
    price6: int
    amount18: int
    margin6: int
    placed_at: int
    is_margin: bool = True
    level: int | None = None
    placed18: int | None = None


def encode_tag(tag: Tag) -> int:
    """The nine digits LLSSSSSCC; the whole is 1 modulo 97 (ISO 7064), so that CC checks the rest.

    Raises ValueError when the level is not in 1..99 or the sequence not in 0..99999.
    """
    if not 1 <= tag.level <= MAX_TAG_LEVEL or not 0 <= tag.sequence <= MAX_TAG_SEQUENCE:
        raise ValueError(f"tag out of range: {tag}")
    payload = (tag.level * (MAX_TAG_SEQUENCE + 1) + tag.sequence) * 100
    return payload + 98 - payload % 97


def decode_tag(amount18: int) -> Tag | None:
    """The tag of an amount, or None when its check digits do not hold."""
    digits = amount18 % TAG_UNIT
    check = digits % 100
    if digits % 97 != 1 or not 2 <= check <= 98:
        return None
    level, sequence = divmod(digits // 100, MAX_TAG_SEQUENCE + 1)
    return Tag(level, sequence) if level >= 1 else None


def tagged_amount(amount18: int, tag: Tag) -> int:
    """The amount floored to a multiple of 10^9, with the tag in its low nine digits."""
    return amount18 // TAG_UNIT * TAG_UNIT + encode_tag(tag)
