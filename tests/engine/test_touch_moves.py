"""How far the best prices of a book give way: the largest step within the window, per side."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import Side
from ama_tui.engine.touch_moves import FEWEST_BLOCKS, WINDOW_S, TouchMoves


def book(best_ask6: int | None) -> Book:
    """A book with one order a side, or with none."""
    return Book() if best_ask6 is None else Book((BookLevel(best_ask6 - 100, 1),), (BookLevel(best_ask6, 1),))


def moves(*best_asks6: int | None, every_s: float = 1.0) -> TouchMoves:
    """A block for each best ask, with a best bid 100 below it."""
    found = TouchMoves()
    for block, best6 in enumerate(best_asks6):
        found.note(block, book(best6), block * every_s)
    return found


def test_nothing_is_known_before_enough_blocks_were_seen() -> None:
    assert moves(*[500] * (FEWEST_BLOCKS - 1)).largest6(Side.SELL, 0) is None
    assert moves(*[500] * FEWEST_BLOCKS).largest6(Side.SELL, 0) == 0


def test_second_read_of_a_block_is_no_step() -> None:
    found = moves(*[500] * FEWEST_BLOCKS)
    found.note(FEWEST_BLOCKS - 1, book(900), 20)
    assert (found.blocks, found.largest6(Side.SELL, 20)) == (FEWEST_BLOCKS, 0)


def test_only_moves_away_from_the_other_side_count() -> None:
    found = moves(*[500] * FEWEST_BLOCKS, 503, 501, 494)
    assert found.largest6(Side.SELL, 20) == 3
    assert found.largest6(Side.BUY, 20) == 7


def test_step_over_blocks_with_an_empty_side_counts() -> None:
    assert moves(*[500] * FEWEST_BLOCKS, None, None, 520).largest6(Side.SELL, 20) == 20


@given(st.lists(st.integers(400, 600), min_size=FEWEST_BLOCKS, max_size=60), st.integers(1, 100))
def test_largest_step_is_that_of_the_window_at_any_time(asks6: list[int], every_s: int) -> None:
    found, now = moves(*asks6, every_s=every_s), (len(asks6) - 1) * every_s
    steps = [
        later - before
        for number, (before, later) in enumerate(pairwise(asks6), start=1)
        if now - number * every_s <= WINDOW_S
    ]
    assert found.largest6(Side.SELL, now) == max([0, *steps])
