"""Runs against a venue that loses, delays and garbles: the chain never shows more orders than planned."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ama_tui.domain.event import EngineState
from ama_tui.engine.cancel.kill import CancelAll
from ama_tui.engine.run.local_engine import LocalEngine
from tests.engine.faults import INIT, TRADE, Fault, FaultyApi, faulty, first_of
from tests.engine.rig import Rig, cycles_later, log_lines, rig_of, run_of, ticking, until

TARGET = 2


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short backoffs, a short stop, and cancel-all reads again without a delay."""
    monkeypatch.setattr("ama_tui.engine.wallet_book.FIRST_BACKOFF_S", 0.1)
    monkeypatch.setattr("ama_tui.engine.run.run.STOP_PATIENCE_S", 0.3)
    monkeypatch.setattr("ama_tui.engine.cancel.kill.BETWEEN_READS_S", 0.05)
    monkeypatch.setattr("ama_tui.engine.cancel.worker.RETRY_FAILED_S", 0.1)


@asynccontextmanager
async def watched(rig: Rig, target: int = TARGET) -> AsyncIterator[None]:
    """Watch every block: no side of a wallet ever has more than the target, or a level twice."""
    worst: Counter[str] = Counter()

    async def look() -> None:
        orders = await rig.orders()
        sides = Counter((one.wallet, one.side) for one in orders)
        levels = Counter((one.wallet, one.side, one.level) for one in orders)
        worst["orders on a side"] = max([worst["orders on a side"], *sides.values()])
        worst["orders of a level"] = max([worst["orders of a level"], *levels.values()])

    async def watch() -> None:
        seen = -1
        while True:
            block = await rig.venue.node.block_number()
            if block != seen:
                seen = block
                await look()
            await asyncio.sleep(0.02)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await look()
    assert worst["orders on a side"] <= target
    assert worst["orders of a level"] == 1


async def pack(rig: Rig, **options: Any) -> LocalEngine:
    """Begin, and wait until everything is packed and nothing is unknown any more."""
    engine = await rig.begin(orders_per_side=TARGET, **options)
    run = run_of(engine)
    await until(lambda: run.packed and not any(book.pending for book in run.context.fleet), "the fleet to be packed")
    return engine


async def check(rig: Rig, engine: LocalEngine, api: FaultyApi) -> None:
    summary = engine.summary()
    assert (summary["resting_bids"], summary["resting_asks"]) == (3 * TARGET, 3 * TARGET)
    assert (summary["unknown"], summary["pending"], summary["short"]) == (0, 0, {})
    assert (summary["crossed"], summary["overtaken"], summary["fills"]) == (0, 0, 0)
    assert len(await rig.orders()) == 6 * TARGET
    await rig.check_placements(TARGET)
    resent = [one for one, times in Counter(api.placements()).items() if times > 1]
    assert not resent, "an order was sent twice"


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
async def test_orders_are_placed_once_whatever_happens_to_the_responses(rig: Rig, fault: Fault) -> None:
    faults = 2 if fault is Fault.RATE_LIMITED else 4  # each one slows the run down
    async with faulty(rig, first_of(fault, count=faults)) as api, ticking(rig.venue, 0.05), watched(rig):
        engine = await pack(rig)
        await cycles_later(engine, 3)
        await check(rig, engine, api)
        assert api.faults == [fault] * faults
        assert len(api.placements()) == 6 * TARGET + (0 if fault.is_executed else faults)


async def test_executed_but_unacknowledged_orders_are_adopted_from_the_chain_by_their_tag(rig: Rig) -> None:
    async with faulty(rig, first_of(Fault.LOSE_REPLY, every=1, count=12)) as api, ticking(rig.venue), watched(rig):
        engine = await pack(rig, settle_after_s=60.0)
        await check(rig, engine, api)
        assert len(api.placements()) == 12
        statuses = [line["params"]["status"] for line in rig.journal("PLACE_LIMIT")]
        assert statuses.count("unknown") == 12


async def test_lost_request_keeps_its_level_until_two_reads_do_not_show_the_order(rig: Rig) -> None:
    async with faulty(rig, first_of(Fault.LOSE_REQUEST, every=1, count=1)) as api, ticking(rig.venue), watched(rig):
        engine = await rig.begin(settle_after_s=2.0)
        books = run_of(engine).context.fleet.books.values()
        await until(lambda: sum(len(book.orders) for book in books) == 11, "all the others")
        (book,) = [book for book in books if book.pending]
        (unknown,) = book.pending
        assert engine.summary()["unknown"] == 1
        assert engine.summary()["short"] == {book.wallet.nickname: "1 pending"}
        lost = (book.address, str(unknown.place.amount18))
        await until(lambda: run_of(engine).packed, "the level to be filled after all")
        await check(rig, engine, api)
        void = [line for line in rig.journal("PLACE_LIMIT") if line["params"]["status"] == "void"]
        assert [(line["trader"], line["params"]["amount"]) for line in void] == [lost]
        assert api.placements().count(lost) == 1


async def test_reverted_placement_is_resolved_by_its_receipt(rig: Rig) -> None:
    async with faulty(rig, first_of(Fault.REVERTED, every=1, count=1)) as api, watched(rig):
        engine = await pack(rig, settle_after_s=60.0)
        await check(rig, engine, api)
        reverted = [line for line in rig.journal("PLACE_LIMIT") if line["params"]["status"] == "reverted"]
        assert len(reverted) == 1
        assert reverted[0]["txHash"]
        assert engine.summary()["rejected"] == 1


async def test_lost_replies_during_session_creation_lead_to_no_second_session(rig: Rig) -> None:
    rule = first_of(Fault.LOSE_REPLY, every=1, count=3, path=INIT, method="")
    async with faulty(rig, rule) as api:
        engine = await pack(rig)
        await check(rig, engine, api)
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]


async def test_failing_wallet_does_not_hold_up_the_others(rig: Rig) -> None:
    victim = rig.wallets[0]

    def rule(path: str, body: dict[str, object]) -> Fault | None:
        params = body.get("params")
        is_victims = path == TRADE and isinstance(params, dict) and params["trader"] == victim
        return Fault.HTML if is_victims else None

    async with faulty(rig, rule), ticking(rig.venue), watched(rig):
        engine = await rig.begin(settle_after_s=60.0)
        books = run_of(engine).context.fleet.books
        await until(lambda: sum(len(book.orders) for book in books.values()) == 8, "the other two")
        assert await rig.orders(victim) == []
        short = engine.summary()["short"]
        assert isinstance(short, dict)
        assert list(short) == ["User001"]
        assert short["User001"].endswith("pending")
        snapshot = engine.publisher.latest
        assert [row.is_packed for row in snapshot.wallets] == [False, True, True]


async def test_dead_api_leaves_the_run_monitoring_and_it_recovers_by_itself(rig: Rig) -> None:
    rig.symbol = "NOVA-USD"
    dead = False

    def rule(path: str, body: dict[str, object]) -> Fault | None:
        return Fault.LOSE_REQUEST if dead else None

    async with faulty(rig, rule) as api, ticking(rig.venue), watched(rig):
        # Longer than a busy machine delays an order: one that is written off too early is placed again by design.
        engine = await pack(rig, settle_after_s=4.0)
        dead = True
        best = max((one for one in await rig.orders() if one.side.is_buy), key=lambda one: one.price6)
        await rig.venue.take(rig.symbol, False, best.amount18)
        await until(lambda: any("mark price:" in line for line in log_lines(engine)), "the engine to notice")
        await cycles_later(engine, 1)
        assert engine.publisher.latest.resting == 11
        dead = False
        run = run_of(engine)
        await until(lambda: run.packed and not any(book.pending for book in run.context.fleet), "the refill")
        assert len(await rig.orders()) == 12
        assert len(set(api.placements())) == len(api.placements())


async def test_kill_is_proven_although_replies_to_its_cancels_are_lost(rig: Rig) -> None:
    async with faulty(rig) as api, ticking(rig.venue, 0.05):
        engine = await pack(rig)
        faults = iter([Fault.LOSE_REPLY, Fault.LOSE_REQUEST, Fault.HTML, Fault.BUSY] * 3)
        api.rule = lambda path, body: next(faults, None) if "Cancel" in body.get("method", "") else None
        report = await engine.kill()
        assert (report.is_proven, report.cancelled) == (True, 12)
        assert await rig.orders() == []


async def test_orders_pending_at_the_end_of_a_process_are_not_placed_again(tmp_path: Path) -> None:
    """They have no response and are in no block, yet the next process must know all of them."""
    async with rig_of(tmp_path, fast=True) as rig, faulty(rig) as api, watched(rig, 3):
        first = await pack(rig)
        await first.stop()
        await rig.venue.node.set_block_time(3600)
        api.rule = first_of(Fault.LOSE_REPLY, every=1, count=6)
        second = await rig.begin(resume=True, orders_per_side=3, settle_after_s=60.0)
        await until(lambda: unknown_orders(second) == 6, "every answer to be lost")
        await second.stop()
        third = await rig.begin(resume=True, orders_per_side=3, settle_after_s=60.0)
        await cycles_later(third, 5)
        assert (run_of(third).context.counters.totals.sent, unknown_orders(third)) == (0, 6)
        await rig.venue.mine()
        await until(lambda: run_of(third).packed, "the six to be found by their tags")
        assert run_of(third).context.counters.totals.sent == 0
        assert len(set(api.placements())) == len(api.placements()) == len(await rig.orders()) == 18
        await rig.check_placements(3)


def unknown_orders(engine: LocalEngine) -> int:
    return engine.publisher.latest.unknown


async def test_unproven_kill_leaves_the_run_failed_and_can_be_retried(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = False

    def rule(path: str, body: dict[str, object]) -> Fault | None:
        return Fault.LOSE_REQUEST if dead else None

    async with faulty(rig, rule), ticking(rig.venue):
        engine = await pack(rig)
        dead = True
        with monkeypatch.context() as patch:
            patch.setattr("ama_tui.engine.run.run.CancelAll", partial(CancelAll, patience=2.0))
            first = await engine.kill()
        assert not first.is_proven
        assert engine.publisher.latest.state is EngineState.FAULTED
        assert engine.publisher.latest.reason.startswith("kill not proven: 12 still open")
        assert not any(row.is_packed for row in engine.publisher.latest.wallets)
        dead = False
        second = await engine.kill()
        assert second.is_proven, second.text
        assert (engine.publisher.latest.state, await rig.orders()) == (EngineState.STOPPED, [])
