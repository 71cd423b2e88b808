"""Kill and stop at any moment, together and twice, on a real localnet."""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import NoReturn

import pytest
from aiohttp import ClientSession, web

from ama_tui.domain.errors import CheckpointError, ConfigError, JournalFullError
from ama_tui.domain.event import EngineSnapshot, EngineState, KillStage
from ama_tui.engine.cancel.kill import CancelAll
from ama_tui.engine.engine_api import KillReport
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.store.lock import StateLock
from ama_tui.store.state_store import StateStore
from tests.engine.rig import Rig, cycles_later, killed, log_lines, run_of, ticking, until
from tests.venue.servers import serving


@pytest.fixture(autouse=True)
def quick_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel-all reads again without a delay."""
    monkeypatch.setattr("ama_tui.engine.cancel.kill.BETWEEN_READS_S", 0.05)


async def preparing(rig: Rig, engine: LocalEngine) -> asyncio.Task[None]:
    """A run whose sessions are being created; blocks come only when the test mines them."""
    await rig.venue.node.set_block_time(3600)
    market = await rig.market(engine)
    resolved, _ = await engine.resolved_for(market, False)
    beginning = asyncio.create_task(engine.begin(market, resolved, resume=False))
    await until(lambda: len(rig.journal("INTENT")) == 3, "the sessions to be asked for")
    return beginning


def assert_unlocked(rig: Rig) -> None:
    """Another process could lock the state directory now."""
    lock = StateLock(rig.state / "lock")
    lock.acquire()
    lock.release()


async def test_kill_empties_the_book_and_is_proven(rig: Rig) -> None:
    engine = await rig.packed()
    report = await killed(rig, engine)
    assert await rig.orders() == []
    assert (report.is_proven, report.cancelled, report.survivors) == (True, 12, ())
    snapshot = engine.publisher.latest
    assert (snapshot.state, snapshot.reason, snapshot.resting) == (EngineState.STOPPED, report.text, 0)
    assert len(rig.journal("CANCEL_ORDER")) == 12
    assert any(line == f"kill: {report.text}" for line in log_lines(engine))
    assert_unlocked(rig)


async def test_fleet_and_stages_are_shown_while_a_kill_runs(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its orders also leave the screen one by one; the kill itself uses none of these reads."""
    monkeypatch.setattr("ama_tui.engine.run.kill_display.SHOW_EVERY_S", 0.05)
    engine = await rig.packed()
    shown: list[EngineSnapshot] = []
    publish = engine.publisher.publish

    def keep(snapshot: EngineSnapshot) -> None:
        shown.append(snapshot)
        publish(snapshot)

    monkeypatch.setattr(engine.publisher, "publish", keep)
    before = engine.publisher.latest
    assert (await killed(rig, engine)).is_proven
    killing = [snapshot for snapshot in shown if snapshot.state is EngineState.KILLING]
    assert {snapshot.kill.stage for snapshot in killing} >= {KillStage.READ, KillStage.CHECK}
    assert min(snapshot.resting for snapshot in killing) < before.resting
    assert killing[-1].block > before.block
    assert killing[-1].read_at_ms > before.read_at_ms
    assert not any(row.is_packed for snapshot in killing for row in snapshot.wallets)
    assert run_of(engine).context.shown is None


async def test_kill_that_ends_with_an_internal_error_is_unproven_and_can_be_retried(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await rig.packed()

    async def fail(self: CancelAll) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(CancelAll, "finish", fail)
        with pytest.raises(RuntimeError):
            await engine.kill()
    assert engine.publisher.latest.state is EngineState.FAULTED
    assert engine.publisher.latest.reason == "kill not proven: it ended with an error"
    assert (await killed(rig, engine)).is_proven


async def test_kill_during_placement_leaves_nothing_to_rest_later(rig: Rig) -> None:
    engine = await rig.begin(orders_per_side=20)
    await until(lambda: run_of(engine).context.counters.totals.sent > 10, "the first orders")
    report = await killed(rig, engine)
    assert report.is_proven
    pending = run_of(engine).context.counters.totals.sent
    await asyncio.sleep(0.3)
    assert run_of(engine).context.counters.totals.sent == pending < 120
    assert await rig.orders() == []


async def test_kill_cancels_the_orders_of_wallets_missing_from_the_run(rig: Rig) -> None:
    first = await rig.packed()
    await first.stop()
    second = await rig.packed(resume=True, wallets=1)
    report = await killed(rig, second)
    assert (report.is_proven, report.cancelled) == (True, 12)
    assert await rig.orders() == []


async def test_after_a_kill_the_same_engine_packs_again_with_the_same_sessions(rig: Rig) -> None:
    engine = await rig.packed()
    await killed(rig, engine)
    market = await rig.market(engine)
    resolved, resumes = await engine.resolved_for(market, None)
    await engine.begin(market, resolved, resume=resumes)
    await until(lambda: run_of(engine).packed, "the fleet to be packed again")
    assert len(await rig.orders()) == 12
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]


async def test_kill_does_not_wait_for_a_hanging_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.engine.run.run.FINAL_READ_S", 0.2)
    engine = await rig.packed()
    is_reading = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        is_reading.set()
        await asyncio.sleep(3600)

    for read in ("chain.ChainReader.read_fleet", "change_reader.ChangeReader.read"):
        monkeypatch.setattr(f"ama_tui.venue.{read}", hang)
    await is_reading.wait()
    report = await killed(rig, engine)
    assert (report.is_proven, report.cancelled, await rig.orders()) == (True, 12, [])


async def test_full_disk_does_not_keep_a_kill_from_cancelling_and_reporting(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await rig.packed()
    await engine.pause()

    def full(*_: object) -> NoReturn:
        raise JournalFullError("actions.jsonl cannot be written (No space left on device)", "free some disk space")

    def unsaved(*_: object) -> NoReturn:
        raise CheckpointError("checkpoint.json cannot be written", "free some disk space")

    monkeypatch.setattr("ama_tui.store.journal.writer.Journal._write_bytes", full)
    monkeypatch.setattr("ama_tui.store.state_store.StateStore.save", unsaved)
    report = await killed(rig, engine)
    assert (report.is_proven, report.cancelled, await rig.orders()) == (True, 12, [])
    assert run_of(engine).state is EngineState.STOPPED
    said = [line for line in log_lines(engine) if "cannot be written" in line]
    assert said[0].startswith("continuing without the journal: ")
    assert said[-1] == "checkpoint.json cannot be written: free some disk space"


async def test_wallet_with_a_revoked_session_gets_a_new_one_to_cancel_with(rig: Rig) -> None:
    engine = await rig.packed()
    victim = run_of(engine).context.fleet.books[rig.wallets[0]]
    assert victim.session.id is not None
    await rig.venue.revoke(bytes.fromhex(victim.session.id[2:]))
    report = await killed(rig, engine)
    assert (report.is_proven, report.cancelled, await rig.orders()) == (True, 12, [])
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [2, 1, 1]


async def test_orders_of_a_wallet_that_can_no_longer_cancel_are_survivors(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tui.engine.run.run.CancelAll", partial(CancelAll, patience=3.0))
    first = await rig.packed()
    await first.stop()
    victim = run_of(first).context.fleet.books[rig.wallets[0]]
    assert victim.session.id is not None
    await rig.venue.revoke(bytes.fromhex(victim.session.id[2:]))
    rows = (rig.directory / "wallets.csv").read_text().splitlines()
    (rig.directory / "wallets.csv").write_text("\n".join([rows[0], *rows[2:]]) + "\n")
    engine = await rig.packed(resume=True)
    report = await killed(rig, engine)
    left = await rig.orders()
    assert {one.wallet for one in left} == {victim.address}
    assert {one.order_id for one in report.survivors} == {one.order_id for one in left}
    assert (report.is_proven, len(left), report.cancelled) == (False, 4, 8)


async def test_paused_run_can_be_killed(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.pause()
    assert (await killed(rig, engine)).is_proven
    assert await rig.orders() == []


@pytest.mark.parametrize("what", ["stop", "kill"])
async def test_run_ended_before_its_first_cycle_places_nothing(rig: Rig, what: str) -> None:
    engine = await rig.begin()
    async with ticking(rig.venue):
        await (engine.stop() if what == "stop" else engine.kill())
    assert run_of(engine).state is EngineState.STOPPED
    assert run_of(engine).context.counters.totals.sent == 0
    assert await rig.orders() == []


async def test_run_paused_before_its_first_cycle_places_nothing(rig: Rig) -> None:
    engine = await rig.begin()
    await engine.pause()
    await cycles_later(engine, 3)
    assert (run_of(engine).state, run_of(engine).context.counters.totals.sent) == (EngineState.PAUSED, 0)
    await engine.resume()
    await until(lambda: run_of(engine).packed, "the fleet to be packed")


async def test_two_concurrent_kills_are_one(rig: Rig) -> None:
    engine = await rig.packed()
    async with ticking(rig.venue):
        first, second = await asyncio.gather(engine.kill(), engine.kill())
    assert first is second
    assert (first.is_proven, len(rig.journal("CANCEL_ORDER"))) == (True, 12)


async def test_stop_during_a_kill_waits_for_its_proof(rig: Rig) -> None:
    """Quitting while everything is being cancelled must not cut the kill short."""
    engine = await rig.packed()
    killing = asyncio.create_task(killed(rig, engine))
    await until(lambda: run_of(engine).state is EngineState.KILLING, "the kill to begin")
    await engine.stop()
    assert await rig.orders() == []
    report: KillReport = await killing
    assert report.is_proven
    assert run_of(engine).reason == report.text
    assert_unlocked(rig)


async def test_kill_takes_over_from_a_stop(rig: Rig) -> None:
    first = await rig.packed()
    await first.stop()
    await rig.venue.node.set_block_time(3600)
    engine = await rig.begin(resume=True, orders_per_side=3)
    await until(lambda: run_of(engine).context.counters.totals.sent == 3, "an order of each wallet on its way")
    stopping = asyncio.create_task(engine.stop())
    await until(lambda: run_of(engine).state is EngineState.STOPPING, "the stop to begin")
    report = await killed(rig, engine)
    await stopping
    assert (report.is_proven, report.cancelled) == (True, 15)
    assert await rig.orders() == []
    assert (run_of(engine).state, run_of(engine).reason) == (EngineState.STOPPED, report.text)


async def test_kill_without_a_run_is_refused_and_does_not_affect_the_next_run(rig: Rig) -> None:
    engine = await rig.open()
    with pytest.raises(ConfigError, match="nothing is running"):
        await engine.kill()
    engine = await rig.packed()
    await engine.stop()
    with pytest.raises(ConfigError, match="nothing is running"):
        await engine.kill()
    assert (run_of(engine).state, len(await rig.orders())) == (EngineState.STOPPED, 12)


async def test_kill_while_sessions_are_created_places_nothing_and_cancels_resting_orders(rig: Rig) -> None:
    first = await rig.packed()
    await first.stop()
    for book in run_of(first).context.fleet:
        assert book.session.id is not None
        await rig.venue.revoke(bytes.fromhex(book.session.id[2:]))
    (rig.state / "actions.jsonl").unlink()
    engine = await rig.open(orders_per_side=6, renew_revoked=True)
    beginning = await preparing(rig, engine)
    report = await killed(rig, engine)
    await beginning
    assert (report.is_proven, report.cancelled) == (True, 12)
    assert (await rig.orders(), run_of(engine).context.counters.totals.sent) == ([], 0)
    assert run_of(engine).state is EngineState.STOPPED


async def test_stop_while_sessions_are_created_ends_the_start_and_they_are_reused_later(rig: Rig) -> None:
    engine = await rig.open()
    beginning = await preparing(rig, engine)
    await engine.stop()
    with pytest.raises(ConfigError, match="stopped before the run began"):
        await beginning
    assert engine.publisher.latest.state is EngineState.STOPPED
    assert_unlocked(rig)
    await rig.venue.node.set_block_time(0)
    await rig.venue.mine()
    await rig.packed(resume=True)
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]


async def test_stop_ends_in_time_although_the_node_hangs(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.engine.run.run.STOP_PATIENCE_S", 0.5)
    monkeypatch.setattr("ama_tui.engine.run.run.FINAL_READ_S", 0.5)
    is_answering = asyncio.Event()
    is_answering.set()

    async def node(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await is_answering.wait()
        async with forward.post(rig.venue.rpc_url, json=body) as answer:
            return web.Response(body=await answer.read(), content_type="application/json")

    async with ClientSession() as forward, serving(node) as url:
        rig.environ["RPC_URL"] = url
        engine = await rig.packed()
        is_answering.clear()
        await asyncio.sleep(0.2)
        began = monotonic()
        await engine.stop()
        assert monotonic() - began < 12
        assert run_of(engine).state is EngineState.STOPPED
        is_answering.set()
        await engine.close()


async def test_run_that_cannot_be_saved_still_stops(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await rig.packed()

    def full(_: StateStore) -> None:
        raise CheckpointError("the disk is full", "free some disk space")

    monkeypatch.setattr(StateStore, "save", full)
    with pytest.raises(CheckpointError):
        await engine.stop()
    assert run_of(engine).state is EngineState.STOPPED
    monkeypatch.undo()
    assert_unlocked(rig)


async def test_internal_error_is_reported_by_its_type_only(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await rig.packed()

    def broken(*_: object) -> None:
        raise ValueError("https://secret.example/key")

    monkeypatch.setattr("ama_tui.engine.run.cycle.Cycle.decide", broken)
    await until(lambda: engine.publisher.latest.state is EngineState.FAULTED, "the fault")
    assert engine.publisher.latest.reason == "internal error (ValueError): orders are still resting"
    await engine.close()


async def test_closing_the_engine_stops_its_run(rig: Rig) -> None:
    engine = await rig.packed()
    await cycles_later(engine, 1)
    await engine.close()
    assert run_of(engine).state is EngineState.STOPPED
    assert_unlocked(rig)
