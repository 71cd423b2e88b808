"""Counters: which placements traded on arrival, and whether we could have known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.engine.counters import KEPT_HASHES, Counters
from tests.engine.samples import ALICE, BOB, CAROL, PRICE6, TICK6, place, trade

FLEET = (ALICE, BOB)
OTHER = CAROL
OURS, THEIRS = "0x" + "01" * 32, "0x" + "02" * 32


def played(best_opposite6: int | None, side: Side = Side.BUY, *, answer_first: bool = True) -> Counters:
    """Alice's order of that side trades with another in its own transaction."""
    counters = Counters()
    placed = place(ALICE, side)
    ends = (ALICE, OTHER) if side is Side.BUY else (OTHER, ALICE)
    if answer_first:
        counters.placed(OURS, ALICE, placed, best_opposite6)
        counters.traded([trade(OURS, *ends)], FLEET)
    else:
        counters.traded([trade(OURS, *ends)], FLEET)
        counters.placed(OURS, ALICE, placed, best_opposite6)
    return counters


@pytest.mark.parametrize("answer_first", [True, False])
def test_trade_at_a_price_that_reached_the_known_book_is_crossed(answer_first: bool) -> None:
    for counters in (
        played(PRICE6, answer_first=answer_first),
        played(PRICE6 - TICK6, answer_first=answer_first),
        played(PRICE6, Side.SELL, answer_first=answer_first),
        played(PRICE6 + TICK6, Side.SELL, answer_first=answer_first),
    ):
        totals = counters.totals
        assert (totals.crossed, totals.overtaken, totals.fills) == (1, 0, 1)


@pytest.mark.parametrize("answer_first", [True, False])
def test_trade_at_a_price_the_book_reached_later_is_overtaken(answer_first: bool) -> None:
    for counters in (
        played(PRICE6 + TICK6, answer_first=answer_first),
        played(None, answer_first=answer_first),
        played(PRICE6 - TICK6, Side.SELL, answer_first=answer_first),
    ):
        totals = counters.totals
        assert (totals.crossed, totals.overtaken, totals.fills) == (0, 1, 1)


def test_filled_resting_order_is_only_a_fill() -> None:
    counters = Counters()
    counters.placed(OURS, ALICE, place(ALICE), PRICE6 + TICK6)
    counters.traded([trade(THEIRS, OTHER, ALICE), trade(THEIRS, BOB, OTHER)], FLEET)
    totals = counters.totals
    assert (totals.fills, totals.crossed, totals.overtaken, totals.self_trades) == (
        2,
        0,
        0,
        0,
    )


def test_placement_that_met_several_orders_is_counted_once() -> None:
    counters = Counters()
    counters.placed(OURS, ALICE, place(ALICE), PRICE6)
    counters.traded([trade(OURS, ALICE, OTHER), trade(OURS, ALICE, OTHER)], FLEET)
    counters.traded([trade(OURS, ALICE, OTHER)], FLEET)
    totals = counters.totals
    assert (totals.fills, totals.crossed) == (3, 1)


def test_another_wallets_trade_in_the_same_transaction_does_not_count_as_ours() -> None:
    counters = Counters()
    counters.placed(OURS, ALICE, place(ALICE), PRICE6)
    counters.traded([trade(OURS, BOB, OTHER)], FLEET)
    totals = counters.totals
    assert (totals.fills, totals.crossed, totals.overtaken) == (1, 0, 0)


def test_trades_between_others_are_ignored_and_trades_within_the_fleet_are_self_trades() -> None:
    counters = Counters()
    counters.traded([trade(OURS, OTHER, OTHER), trade(THEIRS, ALICE, BOB), trade(THEIRS, BOB, BOB)], FLEET)
    totals = counters.totals
    assert (totals.fills, totals.self_trades) == (2, 2)


def test_memory_of_hashes_is_bounded_and_keeps_the_latest() -> None:
    counters = Counters()
    for number in range(KEPT_HASHES + 50):
        counters.placed(f"{number}", ALICE, place(ALICE), PRICE6)
    assert len(counters._arrivals) == KEPT_HASHES
    counters.traded([trade("49", ALICE, OTHER), trade("50", ALICE, OTHER)], FLEET)
    totals = counters.totals
    assert totals.crossed == 1
    counters.traded((trade(f"t{number}", ALICE, OTHER) for number in range(KEPT_HASHES + 50)), FLEET)
    assert len(counters._traded) == KEPT_HASHES


def test_new_counters_are_zero() -> None:
    counters = Counters()
    totals = counters.totals
    assert (
        totals.cycles,
        totals.sent,
        totals.rejected,
        totals.cancelled,
        totals.taker_trades,
    ) == (
        0,
        0,
        0,
        0,
        0,
    )
    totals = counters.totals
    assert (totals.max_utilization, totals.errors, counters.order_lifetime_s) == (0.0, 0, None)


def test_errors_are_counted_by_kind_and_per_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("ama_tui.engine.counters.monotonic", lambda: now[0])
    counters = Counters()
    for kind in ("no reply", "order refused", "no reply"):
        counters.error(kind)
        now[0] += 20.0
    assert counters.errors_by_kind == {"no reply": 2, "order refused": 1}
    totals = counters.totals
    assert (totals.errors, counters.errors_last_minute()) == (3, 3)
    now[0] += 1.0
    assert counters.errors_last_minute() == 2


def test_order_lifetime_is_the_median() -> None:
    counters = Counters()
    for seconds in (5.0, 100.0, 7.0):
        counters.order_gone(seconds)
    assert counters.order_lifetime_s == 7.0


EVENTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([-1, 0, 1, None]), st.booleans()), max_size=6)


@given(events=EVENTS, order=st.permutations(range(12)))
def test_result_does_not_depend_on_whether_the_response_or_the_trade_comes_first(
    events: list[tuple[int, int | None, bool]], order: list[int]
) -> None:
    """Responses of the venue and trades of the chain arrive in any order."""
    placements = {f"hash-{number}": (best, has_traded) for number, best, has_traded in events}
    steps = [(kind, tx_hash) for tx_hash in placements for kind in ("answer", "trade")]
    counters = Counters()
    for index in order:
        if index >= len(steps):
            continue
        kind, tx_hash = steps[index]
        ticks, has_traded = placements[tx_hash]
        if kind == "answer":
            counters.placed(tx_hash, ALICE, place(ALICE), None if ticks is None else PRICE6 + ticks * TICK6)
        elif has_traded:
            counters.traded([trade(tx_hash, ALICE, OTHER)], FLEET)
    traded = [ticks for ticks, has_traded in placements.values() if has_traded]
    crossed = sum(1 for ticks in traded if ticks is not None and ticks <= 0)
    totals = counters.totals
    assert (totals.crossed, totals.overtaken) == (crossed, len(traded) - crossed)
