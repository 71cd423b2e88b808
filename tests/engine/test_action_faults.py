"""Moves and takes on a real chain, against a venue that loses, delays and garbles the responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from ama_tui.domain.plan import TakerLimits
from ama_tui.strategies.chosen import Strategy
from tests.engine.faults import Fault, faulty, first_of
from tests.engine.rig import Rig, cycles_later, run_of, ticking, until
from tests.engine.shifting import shifting
from tests.engine.test_faults import TARGET, pack, watched

FAULTS = [Fault.LOSE_REQUEST, Fault.LOSE_REPLY, Fault.ERROR_EXECUTED, Fault.BUSY_EXECUTED, Fault.REVERTED]
MOVES = 8
TAKES = 2


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.engine.wallet_book.FIRST_BACKOFF_S", 0.1)
    monkeypatch.setattr("ama_tui.engine.run.run.STOP_PATIENCE_S", 0.3)
    monkeypatch.setattr("ama_tui.strategies.taking.TAKE_EVERY_S", 1)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_moved_orders_hold_each_level_once_whatever_happens_to_the_responses(
    rig: Rig, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = 0.0

    def moving(name: str, values: Mapping[str, object]) -> Strategy:
        return shifting(values, lambda: chance)

    monkeypatch.setattr("ama_tui.engine.run.startup.strategy", moving)
    rule = first_of(fault, count=3, method="Modify")
    async with faulty(rig, rule) as api, ticking(rig.venue, 0.05), watched(rig):
        engine = await pack(rig)
        run = run_of(engine)
        context, chance = run.context, 0.3
        await until(lambda: context.counters.totals.modifies >= MOVES and len(api.faults) == 3, "orders to be moved")
        chance = 0.0
        await until(lambda: run.send_queues.is_idle and not any(book.pending for book in context.fleet), "the rest")
        await cycles_later(engine, 1)
        moves = [one["params"] for one in api.trades if one["method"] == "sessionModifyOrder"]
        sent = Counter((one["trader"], one["amount"]) for one in moves)
        assert max(sent.values()) == 1, "a move was sent twice"
        await rig.check_placements(TARGET)
        orders = await rig.orders()
        assert {one.order_id for book in context.fleet for one in book.orders} == {one.order_id for one in orders}
        assert len(orders) == 6 * TARGET
        totals = context.counters.totals
        assert (totals.crossed, totals.overtaken, totals.self_trades) == (0, 0, 0)


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_REPLY, Fault.REVERTED], ids=lambda fault: fault.name)
async def test_takes_are_sent_once_and_settled_whatever_happens_to_the_responses(rig: Rig, fault: Fault) -> None:
    rule = first_of(fault, every=1, count=1, method="Market")
    async with faulty(rig, rule) as api, ticking(rig.venue, 0.05), watched(rig):
        engine = await pack(rig, takers=0.34, taker_budget=1_000_000.0)
        context = run_of(engine).context
        (taker,) = (book for book in context.fleet if book.wallet.role.value == "TAKER")
        await until(lambda: context.counters.totals.taker_trades >= TAKES, "takes")
        context.takers = TakerLimits()
        await until(lambda: not taker.takes, "all takes to be settled")
        sent = [one["params"]["trader"] for one in api.trades if one["method"] == "sessionPlaceMarginMarket"]
        statuses = Counter(line["params"]["status"] for line in rig.journal("PLACE_MARKET"))
        assert set(sent) == {taker.address}
        assert len(sent) == statuses["executed"] + statuses["reverted"] + statuses["void"]
        assert statuses["void"] == (fault is Fault.LOSE_REQUEST)
        assert statuses["reverted"] == (fault is Fault.REVERTED)
        totals = context.counters.totals
        assert totals.self_trades == 0
        assert totals.taker_trades >= statuses["executed"]
        assert await rig.orders(taker.address) == []
