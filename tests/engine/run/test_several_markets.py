"""A run on several markets on a real localnet: shared collateral and sends, everything else apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ama_tui.domain.errors import ConfigError, JournalError, LockHeldError, PreflightError
from ama_tui.domain.event import EngineState
from ama_tui.domain.order import Side
from ama_tui.engine.engine_api import StartRequest
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.engine.run.market_start import MarketStart
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.stop_condition import StopCondition
from tests.engine.rig import Rig, ticking, until

MARKETS = ("ETH-USD", "BTC-USD", "SUI-USD")


async def begin(
    rig: Rig,
    symbols: Sequence[str] = MARKETS,
    *,
    resume: bool = False,
    ending: StopCondition | None = None,
    **options: Any,
) -> LocalEngine:
    """An engine with a run on these markets."""
    engine = await rig.open(**options)
    markets = await engine.chosen_markets(symbols)
    starts = [MarketStart(market, *await engine.resolved_for(market, resume)) for market in markets]
    await engine.begin_all(starts, ending)
    return engine


def runs_of(engine: LocalEngine) -> list[Run]:
    return [one.run for one in engine.markets_run if one.run is not None]


async def packed(rig: Rig, symbols: Sequence[str] = MARKETS, **options: Any) -> LocalEngine:
    engine = await begin(rig, symbols, **options)
    await until(lambda: all(run.packed for run in runs_of(engine)), "every market to be packed", 40)
    return engine


def at(rig: Rig, symbol: str) -> Rig:
    """The same venue, seen from another market."""
    return replace(rig, symbol=symbol)


async def margin6(rig: Rig, symbol: str, wallet: str) -> int:
    return sum(order.margin6 for order in await at(rig, symbol).orders(wallet))


async def test_markets_are_packed_within_one_cap_and_the_chain_shows_it(rig: Rig) -> None:
    engine = await packed(rig, weights=("ETH-USD=2",), max_utilization=0.05, size_min=5000.0, size_max=9000.0)
    for wallet in rig.wallets:
        margins6 = [await margin6(rig, symbol, wallet) for symbol in MARKETS]
        collateral6 = await rig.available6(wallet) + sum(margins6)
        assert sum(margins6) <= 0.05 * collateral6
        for used6, share in zip(margins6, (0.5, 0.25, 0.25), strict=True):
            assert 0.5 * 0.05 * share * collateral6 < used6 <= 0.05 * share * collateral6
    for symbol in MARKETS:
        await at(rig, symbol).check_placements(2)
    summary = engine.summary()
    totals: Any = summary["totals"]
    assert (totals["packed"], totals["crossed"], totals["self_trades"], totals["unknown"]) == (True, 0, 0, 0)
    assert totals["resting_bids"] + totals["resting_asks"] == totals["target_orders"] == 36
    assert totals["max_utilization"] <= 0.05
    rows: Any = summary["markets"]
    assert [row["market"] for row in rows] == list(MARKETS)


async def test_each_market_has_files_and_sessions_of_its_own(rig: Rig) -> None:
    engine = await packed(rig)
    ids = set()
    for symbol in MARKETS:
        market = at(rig, symbol)
        assert {line["orderBook"] for line in market.journal()} == {rig.venue.market(symbol).address}
        assert len([line for line in market.journal("SESSION_INIT") if "error" not in line]) == 3
        await engine.markets_run[MARKETS.index(symbol)].running().save()
        ids |= {entry["sessionId"] for entry in market.checkpoint()["wallets"].values()}
    assert len(ids) == 9
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [3, 3, 3]


async def test_shared_session_is_made_once_named_in_every_checkpoint_and_found_again(rig: Rig) -> None:
    engine = await packed(rig, shared_session=True)
    await engine.stop()
    ids = [
        {address: entry["sessionId"] for address, entry in at(rig, symbol).checkpoint()["wallets"].items()}
        for symbol in MARKETS
    ]
    assert ids[0] == ids[1] == ids[2]
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]
    again = await packed(rig, MARKETS[::-1], shared_session=True, resume=True)
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1], "the order of markets is no reason"
    await again.stop()
    await packed(rig, MARKETS[:2], resume=True)
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1], (
        "it suits each of its markets alone"
    )


async def test_shared_session_is_renewed_once_for_all_markets(rig: Rig) -> None:
    engine = await packed(rig, shared_session=True)
    wallet = rig.wallets[0].lower()
    await engine.renew(wallet, engine.markets_run[1].market.address)
    slots = {id(run.context.fleet.books[wallet].session) for run in runs_of(engine)}
    assert len(slots) == 1
    assert await rig.sessions_made(rig.wallets[0]) == 2


async def test_kill_of_one_market_cancels_its_orders_only_and_keeps_shared_sessions(rig: Rig) -> None:
    engine = await packed(rig, shared_session=True)
    eth, btc, _ = engine.markets_run
    async with ticking(rig.venue):
        report = await engine.kill(revoke=True, market=btc.market.address)
    assert report.is_proven
    assert report.revoked == ()
    assert await at(rig, "BTC-USD").orders() == []
    assert len(await rig.orders()) == len(await at(rig, "SUI-USD").orders()) == 12
    assert [run.state for run in runs_of(engine)] == [EngineState.RUNNING, EngineState.STOPPED, EngineState.RUNNING]
    order = (await rig.orders())[0]
    await engine.cancel_order(order.wallet.lower(), order.order_id, eth.market.address)
    sent = runs_of(engine)[0].context.counters.totals.sent
    await until(lambda: runs_of(engine)[0].context.counters.totals.sent > sent, "the level to be filled again")


async def test_kill_of_all_markets_proves_each_and_revokes_shared_sessions(rig: Rig) -> None:
    engine = await packed(rig, shared_session=True)
    async with ticking(rig.venue):
        report = await engine.kill(revoke=True)
    assert report.is_proven
    assert report.cancelled == 36
    assert len(report.revoked) == 3
    for symbol in MARKETS:
        assert await at(rig, symbol).orders() == []


async def test_pause_and_stop_concern_one_market_or_all(rig: Rig) -> None:
    engine = await packed(rig)
    btc = engine.markets_run[1].market.address
    await engine.pause(btc)
    assert [run.state.value for run in runs_of(engine)] == ["RUNNING", "PAUSED", "RUNNING"]
    await engine.pause()
    await engine.resume(btc)
    assert [run.state.value for run in runs_of(engine)] == ["PAUSED", "RUNNING", "PAUSED"]
    await engine.stop(market=btc)
    assert [run.state.value for run in runs_of(engine)] == ["PAUSED", "STOPPED", "PAUSED"]
    assert len(await at(rig, "BTC-USD").orders()) == 12
    with pytest.raises(ConfigError, match="is not in this run"):
        await engine.pause("0x" + "00" * 20)


async def test_market_that_fails_does_not_stop_the_others(rig: Rig) -> None:
    engine = await packed(rig)
    eth, btc, _ = runs_of(engine)
    btc.send_queues.failure = JournalError("the disk is gone")
    await until(lambda: btc.state is EngineState.FAULTED, "the fault")
    cycles = eth.context.counters.totals.cycles
    await until(lambda: eth.context.counters.totals.cycles > cycles + 3, "more cycles of another market")
    assert eth.state is EngineState.RUNNING
    assert [market.symbol for market, _ in engine.failures] == ["BTC-USD"]
    assert len(await at(rig, "BTC-USD").orders()) == 12


async def test_run_until_packed_ends_when_every_market_is(rig: Rig) -> None:
    engine = await begin(rig, ending=StopCondition(when_packed=True))
    await engine.finished()
    assert [run.packed for run in runs_of(engine)] == [True, True, True]
    for symbol in MARKETS:
        assert len(await at(rig, symbol).orders()) == 12


async def test_steady_cycle_takes_one_request_for_each_market(rig: Rig) -> None:
    engine = await packed(rig)
    runs = runs_of(engine)
    chain = runs[0].context.connections.chain
    polls = 0
    block_number = chain.block_number

    async def counted() -> int:
        nonlocal polls
        polls += 1
        return await block_number()

    before, cycles = chain.stats.requests, sum(run.context.counters.totals.cycles for run in runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(chain), "block_number", lambda self: counted())
        await until(lambda: sum(run.context.counters.totals.cycles for run in runs) > cycles + 60, "60 cycles")
    made = sum(run.context.counters.totals.cycles for run in runs) - cycles
    assert chain.stats.requests - before - polls <= 1.5 * made


async def test_wrong_choices_of_markets_are_refused_in_one_line(rig: Rig) -> None:
    engine = await rig.open()
    with pytest.raises(ConfigError, match="no market named 'NOPE'"):
        await engine.chosen_markets(("ETH-USD", "NOPE"))
    with pytest.raises(ConfigError, match="ETH-USD is given twice"):
        await engine.chosen_markets(("ETH-USD", "eth-usd-perp"))
    engine._venue._listed_chains[rig.venue.market("BTC-USD").address] = 999
    with pytest.raises(ConfigError, match="ETH-USD is on chain 31337, BTC-USD on chain 999"):
        await engine.chosen_markets(("ETH-USD", "BTC-USD"))


async def test_wrong_weight_and_market_that_cannot_be_quoted_start_nothing(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="the run has no market SUI-USD"):
        await begin(rig, ("ETH-USD", "BTC-USD"), weights=("SUI-USD=2",))
    with pytest.raises(PreflightError, match="DOGE-USD cannot be quoted"):
        await begin(rig, ("ETH-USD", "DOGE-USD"))
    assert rig.journal() == []
    await packed(rig, ("ETH-USD", "BTC-USD"))


async def test_wallets_of_a_running_market_are_not_lent_to_another_run(rig: Rig) -> None:
    await packed(rig, ("ETH-USD", "BTC-USD"))
    with pytest.raises(LockHeldError, match="and 2 more are in use by another run"):
        await begin(rig, ("SUI-USD",))


async def test_preview_of_one_market_leaves_the_others_their_share(rig: Rig) -> None:
    engine = await rig.open(max_utilization=0.05, size_min=5000.0, size_max=9000.0)
    eth, btc = await engine.chosen_markets(("ETH-USD", "BTC-USD"))
    alone = await engine.preview(StartRequest(eth, engine.defaults, False, 3))
    shared = await engine.preview(StartRequest(eth, engine.defaults, False, 3, (btc,)))
    for wallet, budget in alone.plan.budgets.items():
        assert shared.plan.budgets[wallet].cap6 == budget.cap6 // 2


async def test_kill_of_one_market_is_proven_while_the_others_still_place(rig: Rig) -> None:
    engine = await begin(rig, orders_per_side=6, max_utilization=0.6, size_min=5000.0, size_max=9000.0)
    eth, btc, sui = runs_of(engine)
    await until(lambda: sum(book.resting(Side.BUY) for book in btc.context.fleet) >= 3, "some orders")
    async with ticking(rig.venue):
        report = await engine.kill(market=btc.context.market.address)
    assert report.is_proven
    assert await at(rig, "BTC-USD").orders() == []
    await until(lambda: eth.packed and sui.packed, "the other markets to be packed", 40)
    for wallet in rig.wallets:
        margins6 = [await margin6(rig, symbol, wallet) for symbol in MARKETS]
        assert sum(margins6) <= 0.6 * (await rig.available6(wallet) + sum(margins6))
