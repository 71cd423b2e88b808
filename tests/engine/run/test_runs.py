"""Whole runs on a real localnet: pack, pause, refill, stop, resume."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from ama_tui.domain.errors import ConfigError, LockHeldError, PreflightError
from ama_tui.domain.event import EngineState
from ama_tui.domain.order import Side, decode_tag
from ama_tui.domain.session import HOW_TO_RENEW
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from ama_tui.localnet.keys import derive_wallet
from tests.engine.rig import (
    Rig,
    cycles,
    cycles_later,
    levels_of,
    log_lines,
    rig_of,
    run_of,
    ticking,
    until,
)
from tests.sizes import SLOW_MACHINE


def whole_fleet(rig: Rig, levels: int = 2) -> list[tuple[str, Side, int]]:
    return [(wallet, side, level) for wallet in rig.wallets for side in Side for level in range(1, levels + 1)]


def by_name(one: object) -> str:
    return str(one)


async def fill_one_bid(rig: Rig) -> int:
    """Sell into the best bid until it is gone; returns its id."""
    best = max((one for one in await rig.orders() if one.side is Side.BUY), key=lambda one: one.price6)
    receipt = await rig.venue.take(rig.symbol, False, best.amount18)
    assert receipt.ok
    assert best.order_id not in [one.order_id for one in await rig.orders()]
    return best.order_id


async def test_three_wallets_pack_two_levels_per_side(rig: Rig) -> None:
    bid, ask = await rig.best()
    engine = await rig.begin(ending=StopCondition(when_packed=True))
    await engine.finished()
    summary = engine.summary()
    orders = await rig.orders()
    assert sorted(levels_of(orders), key=by_name) == sorted(whole_fleet(rig), key=by_name)
    assert (summary["target_orders"], summary["resting_bids"], summary["resting_asks"]) == (12, 6, 6)
    assert (summary["packed"], summary["short"], summary["wallets"]) == (True, {}, 3)
    assert (summary["trades_sent"], summary["rejected"], summary["unknown"], summary["pending"]) == (12, 0, 0, 0)
    assert (summary["crossed"], summary["overtaken"], summary["self_trades"]) == (0, 0, 0)
    assert run_of(engine).context.counters.errors_by_kind.keys() <= SLOW_MACHINE
    assert await rig.best() == (bid, ask)
    assert all(one.price6 < bid if one.side.is_buy else one.price6 > ask for one in orders)
    await rig.check_placements(2)


async def test_no_wallet_reserves_more_than_its_cap(rig: Rig) -> None:
    before = {wallet: await rig.available6(wallet) for wallet in rig.wallets}
    engine = await rig.packed(max_utilization=0.02)
    for wallet in rig.wallets:
        reserved6 = sum(one.margin6 for one in await rig.orders(wallet))
        assert 0 < reserved6 <= before[wallet] * 2 // 100
    summary = engine.summary()
    assert summary["max_utilization"] == pytest.approx(0.018, abs=0.002)
    assert (summary["resting_bids"], summary["resting_asks"]) == (6, 6)


async def test_packed_run_in_a_still_market_sends_nothing_more(rig: Rig) -> None:
    engine = await rig.packed()
    lines = len(rig.journal())
    await cycles_later(engine, 5)
    assert len(rig.journal()) == lines
    assert run_of(engine).context.counters.totals.sent == 12


async def test_filled_order_is_replaced_at_its_own_level(empty_rig: Rig) -> None:
    rig = empty_rig
    engine = await rig.packed()
    before = {one.order_id for one in await rig.orders()}
    gone = await fill_one_bid(rig)
    await until(lambda: run_of(engine).context.counters.totals.sent == 13, "the refill")
    await until(lambda: run_of(engine).packed, "the fleet to be packed again")
    orders = await rig.orders()
    assert before - {one.order_id for one in orders} == {gone}
    assert sorted(levels_of(orders), key=by_name) == sorted(whole_fleet(rig), key=by_name)
    assert run_of(engine).context.counters.totals.fills == 1
    assert [line["trader"] for line in rig.journal("FILL")]
    await rig.check_placements(2)


async def test_paused_run_places_nothing_and_keeps_monitoring_until_resumed(empty_rig: Rig) -> None:
    rig = empty_rig
    engine = await rig.packed()
    await engine.pause()
    await fill_one_bid(rig)
    await cycles_later(engine, 5)
    snapshot = engine.publisher.latest
    assert run_of(engine).context.counters.totals.sent == 12
    assert (snapshot.state, snapshot.reason) == (EngineState.PAUSED, "paused")
    assert (snapshot.resting, snapshot.totals.fills, snapshot.packed) == (11, 1, False)
    await engine.resume()
    assert engine.publisher.latest.state is EngineState.RUNNING
    await until(lambda: run_of(engine).packed, "the fleet to be packed again")
    assert len(await rig.orders()) == 12
    assert run_of(engine).context.counters.totals.sent == 13


async def test_pause_during_placement_takes_effect_at_once(rig: Rig) -> None:
    engine = await rig.begin(orders_per_side=20)
    await until(lambda: run_of(engine).context.counters.totals.sent > 10, "the first orders")
    await engine.pause()
    pending = run_of(engine).context.counters.totals.sent
    await cycles_later(engine, 5)
    assert run_of(engine).context.counters.totals.sent <= pending + 3, "each wallet may have had one on the wire"
    assert len(await rig.orders()) == run_of(engine).context.counters.totals.sent < 120


async def test_stop_leaves_orders_resting_and_saves_the_run(rig: Rig) -> None:
    engine = await rig.packed()
    run = run_of(engine)
    sessions = {book.address: book.session.id for book in run.context.fleet}
    await engine.stop()
    assert (run.state, run.reason) == (EngineState.STOPPED, "12 orders stay on the book")
    assert len(await rig.orders()) == 12
    stored = rig.checkpoint()
    assert stored["run"]["runId"] == run.context.action_log.run_id
    assert {address: entry["sessionId"] for address, entry in stored["wallets"].items()} == sessions
    assert all(entry["lastActionAt"] > 0 for entry in stored["wallets"].values())
    for path in (rig.directory / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    await engine.stop()
    assert run.state is EngineState.STOPPED


async def test_stop_during_placement_leaves_nothing_pending(rig: Rig) -> None:
    engine = await rig.begin(orders_per_side=20)
    await until(lambda: run_of(engine).context.counters.totals.sent > 10, "the first orders")
    await engine.stop()
    summary = engine.summary()
    resting = len(await rig.orders())
    assert summary["pending"] == summary["unknown"] == 0
    assert (summary["trades_sent"], engine.publisher.latest.resting) == (resting, resting)
    assert resting < 120
    await rig.check_placements(20)


async def test_resume_keeps_run_id_sessions_and_orders(rig: Rig) -> None:
    first = await rig.packed()
    run_id = run_of(first).context.action_log.run_id
    before = await rig.orders()
    await first.stop()
    second = await rig.packed(resume=True)
    assert run_of(second).context.action_log.run_id == run_id
    assert await rig.orders() == before
    assert run_of(second).context.counters.totals.sent == 0
    assert second.summary()["seconds_to_packed"] == 0.0
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]
    assert len(rig.journal("SESSION_INIT")) == 3
    levels = [order.level for book in run_of(second).context.fleet for order in book.orders]
    assert sorted(levels, key=by_name) == [1] * 6 + [2] * 6


async def test_resume_after_a_stop_during_placement_fills_up_to_the_target(rig: Rig) -> None:
    first = await rig.begin(orders_per_side=6)
    await until(lambda: run_of(first).context.counters.totals.sent > 10, "the first orders")
    await first.stop()
    assert len(await rig.orders()) < 36
    await rig.packed(resume=True, orders_per_side=6)
    assert len(await rig.orders()) == 36
    await rig.check_placements(6)


async def test_fresh_run_has_a_new_id_and_keeps_sessions_and_orders(rig: Rig) -> None:
    first = await rig.packed()
    await first.stop()
    second = await rig.packed()
    assert run_of(second).context.action_log.run_id != run_of(first).context.action_log.run_id
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]
    assert len(await rig.orders()) == 12


async def test_other_target_on_resume_is_applied_and_reported(rig: Rig) -> None:
    first = await rig.packed()
    await first.stop()
    second = await rig.packed(resume=True, orders_per_side=3)
    assert len(await rig.orders()) == 18
    await rig.check_placements(3)
    assert any("--orders-per-side is 3 (saved run: 2)" in line for line in log_lines(second))


async def test_revoked_session_leaves_one_wallet_out_with_the_reason(rig: Rig) -> None:
    first = await rig.packed(orders_per_side=1)
    victim = rig.wallets[1]
    session = run_of(first).context.fleet.books[victim].session.id
    assert session is not None
    await rig.venue.revoke(bytes.fromhex(session[2:]))
    await first.stop()
    second = await rig.packed(resume=True)
    orders = await rig.orders()
    assert [sum(1 for one in orders if one.wallet == wallet) for wallet in rig.wallets] == [4, 2, 4]
    assert second.summary()["short"] == {"User002": f"session revoked: {HOW_TO_RENEW}"}
    assert await rig.sessions_made(victim) == 1
    await second.stop()
    afresh = await rig.packed()
    assert list(afresh.summary()["short"]) == ["User002"]  # type: ignore[call-overload]
    await afresh.stop()
    third = await rig.packed(resume=True, renew_revoked=True)
    assert third.summary()["short"] == {}
    assert await rig.sessions_made(victim) == 2
    assert len(await rig.orders()) == 12


async def test_session_revoked_during_a_run_is_noticed_without_sending_anything(rig: Rig) -> None:
    engine = await rig.packed()
    book = run_of(engine).context.fleet.books[rig.wallets[2]]
    assert book.session.id is not None
    await rig.venue.revoke(bytes.fromhex(book.session.id[2:]))
    async with ticking(rig.venue):
        await until(lambda: book.unusable is not None, "the engine to notice")
    assert book.unusable_detail == f"session revoked: {HOW_TO_RENEW}"
    assert run_of(engine).context.counters.errors_by_kind.keys() <= SLOW_MACHINE
    await cycles_later(engine, 3)
    assert len([line for line in rig.journal("ERROR") if line["error"] == book.unusable_detail]) == 1
    assert await rig.sessions_made(book.address) == 1
    await engine.renew(book.address)
    assert (book.unusable, await rig.sessions_made(book.address)) == (None, 2)
    await until(lambda: run_of(engine).packed and not engine.publisher.latest.wallets[2].note, "all three to be packed")


async def test_cancel_on_stop_cancels_every_order(rig: Rig) -> None:
    engine = await rig.packed(cancel_on_stop=True)
    async with ticking(rig.venue):
        await engine.stop()
    assert await rig.orders() == []
    assert any(line.startswith("cancelled on stop: 0 open at block") for line in log_lines(engine))
    assert engine.publisher.latest.resting == 0


async def test_wallets_in_the_checkpoint_but_not_in_the_run_are_named(rig: Rig) -> None:
    first = await rig.packed()
    await first.stop()
    second = await rig.packed(resume=True, wallets=2)
    assert second.publisher.latest.missing_wallets == ("User003 (4 open orders)",)
    assert any("not in this run: User003" in line for line in log_lines(second))
    assert len(await rig.orders()) == 12


async def test_wallet_without_collateral_is_left_out_with_the_reason(rig: Rig) -> None:
    rig.venue.wallets = (*rig.venue.wallets, derive_wallet(rig.venue.options.seed, "Pauper"))
    rig.venue.write(rig.directory)
    engine = await rig.packed(wallets=4)
    assert engine.summary()["short"] == {"Pauper": "no collateral: nothing available or reserved"}
    assert len(await rig.orders()) == 12


async def test_unsuitable_market_is_refused_before_anything_is_signed_or_written(rig: Rig) -> None:
    rig.symbol = "DOGE-USD"
    with pytest.raises(PreflightError, match="--min-distance-ticks 10 does not fit a price of 13 ticks; use 6 or less"):
        await rig.begin()
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [0, 0, 0]
    assert rig.journal() == []
    assert not (rig.state / "checkpoint.json").exists()
    engine = rig.engines[-1]
    assert engine.publisher.latest.state is EngineState.FAULTED
    engine = await rig.packed(min_distance_ticks=3, max_distance_ticks=5)
    assert engine.summary()["packed"]


async def test_second_run_of_an_engine_is_refused_while_one_is_active(rig: Rig) -> None:
    engine = await rig.packed()
    market = await rig.market(engine)
    resolved, resumes = await engine.resolved_for(market, None)
    assert resumes
    with pytest.raises(ConfigError, match="a run is active"):
        await engine.begin(market, resolved, resume=True)
    await cycles_later(engine, 2)


async def test_second_engine_on_the_same_state_is_refused(rig: Rig) -> None:
    await rig.packed()
    with pytest.raises(LockHeldError):
        await rig.begin(resume=True)


async def test_stopped_engine_can_run_another_market(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.stop()
    rig.symbol = "BTC-USD"
    market = await rig.market(engine)
    resolved, _ = await engine.resolved_for(market, None)
    await engine.begin(market, resolved, resume=False)
    await until(lambda: run_of(engine).packed, "the other market to be packed")
    assert len(await rig.orders()) == 12
    await rig.check_placements(2)


@pytest.mark.parametrize("symbol", ["NOVA-USD", "BIDS-USD", "PEPE-USD", "SUI-USD", "UNI-USD"])
async def test_unusual_markets_are_packed_without_a_cross(rig: Rig, symbol: str) -> None:
    """Nobody quotes; only bids; the smallest tick; a tick of half a unit; twice the margin."""
    rig.symbol = symbol
    engine = await rig.packed()
    summary = engine.summary()
    assert (summary["resting_bids"], summary["resting_asks"], summary["short"]) == (6, 6, {})
    assert (summary["crossed"], summary["overtaken"], summary["fills"]) == (0, 0, 0)
    await rig.check_placements(2)


async def test_fleet_quotes_a_moving_market_without_crossing(tmp_path: Path) -> None:
    """Traders move the price and take orders; an order overtaken by the book does not count as crossed."""
    async with rig_of(tmp_path, traders=True, traders_pace=0.05, seed=3) as rig:
        engine = await rig.begin(orders_per_side=3)
        await until(lambda: run_of(engine).packed_at, "the fleet to be packed once")
        await asyncio.sleep(1.5)
        rig.venue.pause_traders()
        await asyncio.sleep(0.3)
        await cycles_later(engine, 1)
        await until(lambda: run_of(engine).packed, "the fleet to be packed at rest")
        await rig.check_placements(3)
        summary = engine.summary()
        assert (summary["crossed"], summary["unknown"], summary["rejected"]) == (0, 0, 0)
        assert len(await rig.orders()) == 18


async def test_fast_mode_places_exactly_the_target(tmp_path: Path) -> None:
    """Blocks are slow and no response waits for one: a pending order keeps its level."""
    async with rig_of(tmp_path, block_time=0.4, fast=True) as rig:
        engine = await rig.packed(settle_after_s=60.0)
        assert len(await rig.orders()) == 12
        await cycles_later(engine, 3)
        assert run_of(engine).context.counters.totals.sent == 12
        await rig.check_placements(2)
        assert cycles(engine) > 5


async def test_keys_are_nowhere_in_the_state_directory(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.stop()
    keys = [wallet.key.hex() for wallet in open_wallets(WalletsSource(rig.directory / "wallets.csv"), 10)]
    for path in (rig.directory / "state").rglob("*"):
        if path.is_file():
            text = path.read_text().lower()
            assert not [key for key in keys if key.removeprefix("0x")[:16] in text]


async def test_adopted_order_that_is_partly_filled_keeps_its_level_at_the_next_start(empty_rig: Rig) -> None:
    rig = empty_rig
    await (await rig.packed()).stop()
    (rig.directory / "state").rename(rig.directory / "earlier")
    engine = await rig.packed()
    assert run_of(engine).context.counters.totals.sent == 0
    await engine.stop()
    before = {order.order_id for order in await rig.orders()}
    best = max((order for order in await rig.orders() if order.side.is_buy), key=lambda order: order.price6)
    await rig.venue.take(rig.symbol, False, best.amount18 // 3)
    engine = await rig.packed(resume=True)
    assert run_of(engine).context.counters.totals.sent == 0
    assert {order.order_id for order in await rig.orders()} == before
    levels = {order.order_id: order.level for book in run_of(engine).context.fleet for order in book.orders}
    assert levels[best.order_id] == decode_tag(best.amount18).level  # type: ignore[union-attr]  # placed by us
