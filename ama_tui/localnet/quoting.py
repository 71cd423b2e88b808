"""How the traders decide: pure functions from a book to the orders to cancel, place and take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

HALF_SPREAD_TICKS = 8
"""Distance of the traders' best quotes from their price: less than the packer's default distance of 10."""
LEVELS = 6
"""How many quotes the traders keep per side."""
LEVEL_NOTIONAL6 = 5_000_000_000
"""Notional of one quote: 5,000 USDC."""
FIRST_STEPS = (4, 5)
"""Ticks from the best quote to the second, and from there to the third."""
DEEP_STEPS = (6, 24)
"""Minimum and maximum ticks between the quotes behind those: the book has gaps."""


@dataclass(frozen=True, slots=True)
class QuoteLevel:
    """A price level of the book and its total amount."""

    price6: int
    amount18: int


@dataclass(frozen=True, slots=True)
class TraderQuote:
    """A resting order of the traders, or one to place."""

    price6: int
    amount18: int
    is_buy: bool
    order_id: int = 0
    """0 for an order to place."""


@dataclass(frozen=True, slots=True)
class BookState:
    """A book at one block."""

    bids: tuple[QuoteLevel, ...]
    """All orders, best price first."""
    asks: tuple[QuoteLevel, ...]
    """All orders, best price first."""
    own: tuple[TraderQuote, ...]
    """The traders' own orders."""

    def side(self, is_buy: bool) -> tuple[QuoteLevel, ...]:
        """The bids or the asks."""
        return self.bids if is_buy else self.asks

    def own_side(self, is_buy: bool) -> list[TraderQuote]:
        """The traders' own orders on a side, best first."""
        quotes = [quote for quote in self.own if quote.is_buy == is_buy]
        return sorted(quotes, key=lambda quote: (-quote.price6 if is_buy else quote.price6, quote.order_id))


@dataclass(frozen=True, slots=True)
class Requote:
    """Changes for one transaction: orders to cancel, then orders to place."""

    cancels: tuple[TraderQuote, ...]
    places: tuple[TraderQuote, ...]

    def __bool__(self) -> bool:
        return bool(self.cancels or self.places)


def next_price_ticks(rng: Random, now: int, home: int, max_move: int) -> int:
    """The next price in ticks: a random walk that drifts to `home`, moving at most `max_move` ticks."""
    lean = (home - now) * 0.01
    step = rng.uniform(-max_move, max_move) if rng.random() < 0.05 else rng.gauss(lean, max_move * 0.4)
    return max(1 + HALF_SPREAD_TICKS // 2, now + max(-max_move, min(max_move, round(step))))


def half_spread(price_ticks: int) -> int:
    """Ticks from the price to the best quotes; fewer if the price itself is only a few ticks."""
    return max(1, min(HALF_SPREAD_TICKS, price_ticks // 4))


def touch_targets(state: BookState, price_ticks: int, tick6: int, max_move: int | None) -> tuple[int, int]:
    """The best bid and ask that the traders want, in ticks, bid below ask.

    With `max_move` both stay within that many ticks of the book's best prices, so the touch never jumps.
    """
    spread = half_spread(price_ticks)
    bid, ask = price_ticks - spread, price_ticks + spread
    if max_move is not None:
        bid = _near(bid, state.bids, tick6, max_move)
        ask = _near(ask, state.asks, tick6, max_move)
    if bid >= ask:  # only if others' prices are less than a tick apart, or on one side only
        if state.bids and price_ticks * tick6 < state.bids[0].price6:
            ask = bid + 1
        else:
            bid = ask - 1
    return max(1, bid), max(2, ask)


def _near(target: int, side: Sequence[QuoteLevel], tick6: int, max_move: int) -> int:
    if not side:
        return target
    best6 = side[0].price6
    return min(max(target, -(-best6 // tick6) - max_move), best6 // tick6 + max_move)


def requote(
    state: BookState, targets: tuple[int, int], tick6: int, rng: Random, sides: Iterable[bool] = (True, False)
) -> Requote:
    """The smallest change that moves the traders' touch to `targets` (bid and ask, in ticks).

    Quotes behind the new touch stay. Surplus quotes are cancelled from the far end, missing ones added there. A quote
    that will fill orders of others is enlarged by their amount, so a full quote still rests at the touch.
    """
    cancels: list[TraderQuote] = []
    places: list[TraderQuote] = []
    for is_buy in sides:
        touch6 = targets[0 if is_buy else 1] * tick6
        own = state.own_side(is_buy)
        stale = [quote for quote in own if _is_better(quote.price6, touch6, is_buy)]
        kept = [quote for quote in own if not _is_better(quote.price6, touch6, is_buy)]
        size18 = level_size(touch6)
        resting18 = sum(quote.amount18 for quote in kept if quote.price6 == touch6)
        fresh: list[TraderQuote] = []
        if resting18 < size18 // 2:
            fresh.append(TraderQuote(touch6, size18 + _crossed_amount(state, touch6, is_buy), is_buy))
        surplus = max(0, len(kept) + len(fresh) - LEVELS)
        cancels += stale + kept[len(kept) - surplus :]
        kept = kept[: len(kept) - surplus]
        fresh += _behind([*fresh, *kept], touch6, is_buy, tick6, rng)
        places += fresh
    return Requote(tuple(cancels), tuple(places))


def level_size(price6: int) -> int:
    """The amount of one quote (18 decimals), rounded down to thousandths of a unit."""
    return max(10**15, LEVEL_NOTIONAL6 * 10**18 // price6 // 10**15 * 10**15)


def _is_better(price6: int, touch6: int, is_buy: bool) -> bool:
    return price6 > touch6 if is_buy else price6 < touch6


def _crossed_amount(state: BookState, price6: int, is_buy: bool) -> int:
    """The amount of others' orders that an order at `price6` would cross."""
    far = [level for level in state.side(not is_buy) if not _is_better(level.price6, price6, is_buy)]
    own = [quote for quote in state.own_side(not is_buy) if not _is_better(quote.price6, price6, is_buy)]
    return max(0, sum(level.amount18 for level in far) - sum(quote.amount18 for quote in own))


def _behind(quotes: list[TraderQuote], touch6: int, is_buy: bool, tick6: int, rng: Random) -> list[TraderQuote]:
    """New quotes behind the furthest one, until the side is complete."""
    new: list[TraderQuote] = []
    direction, pick = (-1, min) if is_buy else (1, max)
    furthest6 = pick((quote.price6 for quote in quotes), default=touch6)
    for position in range(len(quotes), LEVELS):
        gap = FIRST_STEPS[position - 1] if 1 <= position <= len(FIRST_STEPS) else rng.randint(*DEEP_STEPS)
        furthest6 += direction * gap * tick6
        if furthest6 < tick6:
            break
        new.append(TraderQuote(furthest6, level_size(furthest6), is_buy))
    return new


def take_size(side: Sequence[QuoteLevel], tick6: int, max_move: int, rng: Random) -> int:
    """How much to take from a side (18 decimals) without moving its best price more than `max_move` ticks.

    Usually part of the best level. One time in five the most the limit allows, which also fills others' orders right
    behind the touch.
    """
    if not side:
        return 0
    reach = [level for level in side if abs(level.price6 - side[0].price6) <= max_move * tick6]
    most18 = sum(level.amount18 for level in reach) - max(1, reach[-1].amount18 // 4)
    sweep = rng.random() < 0.2
    bite18 = int(side[0].amount18 * rng.uniform(0.02, 0.3))
    return min(most18, most18 if sweep else bite18) // 10**12 * 10**12
