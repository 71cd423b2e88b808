"""The packer's optional settings: each side on its own, price limits, and a pause after a fill. Off unless set."""

from __future__ import annotations

from typing import Any, Final

from ama_tui.domain.setting import Kind, Setting

Optional = Setting[Any]


def _count(side: str) -> Optional:
    return Setting(
        f"{side}s",
        f"{side}s",
        Kind.INTEGER,
        None,
        f"{side}s a wallet keeps, if not as many as orders per side",
        unit="orders",
        low=0,
        high=50,
        in_checkpoint=True,
        placeholder="N",
    )


def _size(side: str, end: str, word: str) -> Optional:
    return Setting(
        f"{side}Size{end.capitalize()}",
        f"{side}_size_{end}",
        Kind.NUMBER,
        None,
        f"{word} {side}, if not the {word} order",
        unit="base",
        low=0,
        low_is_exclusive=True,
        in_checkpoint=True,
    )


def _distance(side: str, end: str, word: str) -> Optional:
    return Setting(
        f"{side}{end.capitalize()}DistanceTicks",
        f"{side}_{end}_distance_ticks",
        Kind.INTEGER,
        None,
        f"{word} distance of {side}s to the anchor, if not that of all orders",
        unit="ticks",
        low=1,
        high=100_000,
        in_checkpoint=True,
    )


def _limit(key: str, name: str, text: str) -> Optional:
    return Setting(
        key,
        name,
        Kind.NUMBER,
        None,
        text,
        unit="USDC",
        low=0,
        low_is_exclusive=True,
        in_checkpoint=True,
        placeholder="P",
    )


BIDS, ASKS = _count("bid"), _count("ask")
BID_SIZE_MIN, BID_SIZE_MAX = _size("bid", "min", "smallest"), _size("bid", "max", "largest")
ASK_SIZE_MIN, ASK_SIZE_MAX = _size("ask", "min", "smallest"), _size("ask", "max", "largest")
BID_MIN_DISTANCE_TICKS, BID_MAX_DISTANCE_TICKS = _distance("bid", "min", "nearest"), _distance("bid", "max", "farthest")
ASK_MIN_DISTANCE_TICKS, ASK_MAX_DISTANCE_TICKS = _distance("ask", "min", "nearest"), _distance("ask", "max", "farthest")
PRICE_FLOOR = _limit("priceFloor", "price_floor", "lowest price of an ask: nothing is sold for less")
PRICE_CEILING = _limit("priceCeiling", "price_ceiling", "highest price of a bid: nothing is bought for more")
FILL_DELAY: Optional = Setting(
    "fillDelay",
    "fill_delay_s",
    Kind.NUMBER,
    None,
    "seconds before a level is filled again after its order was filled",
    spelling="--fill-delay",
    unit="s",
    low=0,
    high=86_400,
    in_checkpoint=True,
    placeholder="S",
)

SHAPING: Final[tuple[Optional, ...]] = (
    BIDS,
    ASKS,
    BID_SIZE_MIN,
    BID_SIZE_MAX,
    ASK_SIZE_MIN,
    ASK_SIZE_MAX,
    BID_MIN_DISTANCE_TICKS,
    BID_MAX_DISTANCE_TICKS,
    ASK_MIN_DISTANCE_TICKS,
    ASK_MAX_DISTANCE_TICKS,
    PRICE_FLOOR,
    PRICE_CEILING,
    FILL_DELAY,
)
