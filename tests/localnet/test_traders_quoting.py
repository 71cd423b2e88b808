"""The traders' decisions against a small model of the order book."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.localnet.quoting import (
    LEVELS,
    BookState,
    QuoteLevel,
    Requote,
    TraderQuote,
    half_spread,
    level_size,
    next_price_ticks,
    requote,
    take_size,
    touch_targets,
)

TICK6 = 10_000
HOME = 250_000
MAX_MOVE = 5
OTHERS = 1_000_000
"""Order ids from here on belong to other traders."""


@dataclass
class ModelBook:
    """Price-time matching. Orders are quotes with an id; ids of others start at OTHERS."""

    orders: list[TraderQuote] = field(default_factory=list)
    next_id: int = 1

    def place(self, quote: TraderQuote, *, of_others: bool = False) -> None:
        left = self.fill(quote.is_buy, quote.amount18, quote.price6)
        if left:
            order_id = self.next_id + (OTHERS if of_others else 0)
            self.next_id += 1
            self.orders.append(replace(quote, amount18=left, order_id=order_id))

    def fill(self, is_buy: bool, amount18: int, limit6: int | None) -> int:
        far = sorted(
            (order for order in self.orders if order.is_buy != is_buy),
            key=lambda order: (order.price6 if is_buy else -order.price6, order.order_id % OTHERS),
        )
        for order in far:
            worse = limit6 is not None and (order.price6 > limit6 if is_buy else order.price6 < limit6)
            if not amount18 or worse:
                break
            filled = min(amount18, order.amount18)
            amount18 -= filled
            self.orders.remove(order)
            if filled < order.amount18:
                self.orders.append(replace(order, amount18=order.amount18 - filled))
        return amount18

    def apply(self, changes: Requote) -> None:
        gone = {quote.order_id for quote in changes.cancels}
        self.orders = [order for order in self.orders if order.order_id not in gone]
        for quote in changes.places:
            self.place(quote)

    def state(self) -> BookState:
        def side(is_buy: bool) -> tuple[QuoteLevel, ...]:
            prices = sorted({order.price6 for order in self.orders if order.is_buy == is_buy}, reverse=is_buy)
            return tuple(
                QuoteLevel(price, sum(o.amount18 for o in self.orders if o.price6 == price)) for price in prices
            )

        own = tuple(order for order in self.orders if order.order_id < OTHERS)
        return BookState(side(True), side(False), own)


def quoted(price: int = HOME) -> ModelBook:
    """A book with the first quotes of the traders."""
    book = ModelBook()
    state = book.state()
    book.apply(requote(state, touch_targets(state, price, TICK6, None), TICK6, Random(7)))
    return book


def test_first_quotes_fill_every_level_on_both_sides_of_the_price() -> None:
    state = quoted().state()
    assert len(state.bids) == len(state.asks) == LEVELS
    assert state.bids[0].price6 == (HOME - half_spread(HOME)) * TICK6
    assert state.asks[0].price6 == (HOME + half_spread(HOME)) * TICK6


def test_quotes_leave_gaps_behind_the_touch() -> None:
    bids = quoted().state().bids
    gaps = [(near.price6 - far.price6) // TICK6 for near, far in pairwise(bids)]
    assert max(gaps) > 5


def test_unmoved_price_needs_no_transaction() -> None:
    state = quoted().state()
    assert not requote(state, touch_targets(state, HOME, TICK6, MAX_MOVE), TICK6, Random(7))


def test_price_step_never_exceeds_the_maximum() -> None:
    rng, price = Random(3), HOME
    for _ in range(5_000):
        moved = next_price_ticks(rng, price, HOME, MAX_MOVE)
        assert abs(moved - price) <= MAX_MOVE
        price = moved


def test_price_of_a_few_ticks_stays_above_zero() -> None:
    rng, price = Random(3), 6
    for _ in range(2_000):
        price = next_price_ticks(rng, price, 6, MAX_MOVE)
        bid, ask = touch_targets(BookState((), (), ()), price, TICK6, None)
        assert 0 < bid < ask


def test_nothing_is_taken_from_an_empty_side() -> None:
    assert take_size((), TICK6, MAX_MOVE, Random(1)) == 0


order_of_others = st.tuples(st.integers(-140, 140), st.integers(10**16, 3 * 10**18), st.booleans())


@settings(max_examples=300)
@given(seed=st.integers(0, 10_000), others=st.lists(order_of_others, max_size=40), steps=st.integers(10, 40))
def test_touch_stays_within_the_bound_with_any_other_orders(
    seed: int, others: list[tuple[int, int, bool]], steps: int
) -> None:
    """In any step, moves or takes, even with other traders' orders in the way."""
    book, rng, price = quoted(), Random(seed), HOME
    for offset, amount18, is_buy in others:
        price6 = (HOME + offset) * TICK6 + rng.choice((0, 0, 0, 3_333))
        state = book.state()
        if (price6 < state.asks[0].price6) if is_buy else (price6 > state.bids[0].price6):
            book.place(TraderQuote(price6, amount18, is_buy), of_others=True)
    for _ in range(steps):
        before = book.state()
        if rng.random() < 0.3:
            is_buy = rng.random() < 0.5
            size18 = take_size(before.side(not is_buy), TICK6, MAX_MOVE, rng)
            assert book.fill(is_buy, size18, None) == 0
        else:
            price = next_price_ticks(rng, price, HOME, MAX_MOVE)
            targets = touch_targets(before, price, TICK6, MAX_MOVE)
            assert targets[0] < targets[1]
            book.apply(requote(before, targets, TICK6, rng))
        after = book.state()
        assert after.bids[0].price6 < after.asks[0].price6
        assert abs(after.bids[0].price6 - before.bids[0].price6) <= MAX_MOVE * TICK6
        assert abs(after.asks[0].price6 - before.asks[0].price6) <= MAX_MOVE * TICK6
        assert len(after.own_side(True)) <= LEVELS + 1
        assert len(after.own_side(False)) <= LEVELS + 1


def test_quote_that_fills_other_orders_still_rests_in_full() -> None:
    book = quoted()
    touch6 = book.state().asks[0].price6
    book.place(TraderQuote(touch6 - TICK6, 3 * 10**18, False), of_others=True)
    state = book.state()
    targets = (touch6 // TICK6, touch6 // TICK6 + 4)
    book.apply(requote(state, targets, TICK6, Random(1)))
    assert book.state().bids[0] == QuoteLevel(touch6, level_size(touch6))
