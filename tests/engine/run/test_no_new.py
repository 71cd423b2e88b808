"""NO_NEW: nothing new is placed, cancels and monitoring continue, and what can recover by itself is awaited."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

import pytest

from ama_tui.domain.errors import CheckpointError, ConfigError, JournalError, UnreachableError
from ama_tui.domain.event import EngineState
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.store.journal.writer import Journal
from ama_tui.store.state_store import StateStore
from tests.engine.rig import Rig, cycles_later, log_lines, run_of, ticking, until


@pytest.fixture
def rig(empty_rig: Rig) -> Rig:
    """A book where nobody else quotes, so that our best bid can be taken."""
    return empty_rig


def state(engine: LocalEngine) -> EngineState:
    return engine.publisher.latest.state


async def take_best_bid(rig: Rig) -> None:
    best = max((one for one in await rig.orders() if one.side.is_buy), key=lambda one: one.price6)
    await rig.venue.take(rig.symbol, False, best.amount18)


def journal_of(engine: LocalEngine) -> int:
    """The descriptor of the run's journal."""
    journal = run_of(engine).context.action_log.journal
    assert isinstance(journal, Journal)
    return journal._descriptor


def refusing(write: Callable[[int, bytes], int], refused: int) -> Callable[[int, bytes], int]:
    """A write that fails with a full disk for one descriptor."""

    def full(descriptor: int, data: bytes) -> int:
        if descriptor == refused:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    return full


async def test_full_disk_blocks_new_orders_and_the_run_recovers_by_itself(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await rig.packed()
    with monkeypatch.context() as patch:
        patch.setattr("os.write", refusing(os.write, journal_of(engine)))
        await take_best_bid(rig)
        await until(lambda: state(engine) is EngineState.NO_NEW, "the engine to notice")
        latest = engine.publisher.latest
        assert "No space left on device" in latest.reason
        assert latest.way_out == "resumes once this is fixed"
        victim = (await rig.orders())[0]
        await engine.cancel_order(victim.wallet, victim.order_id)
        await cycles_later(engine, 3)
        assert (run_of(engine).context.counters.totals.sent, len(await rig.orders())) == (12, 10)
        assert state(engine) is EngineState.NO_NEW
    await until(lambda: run_of(engine).packed, "the refill")
    assert state(engine) is EngineState.RUNNING
    assert any("journal writable again" in line for line in log_lines(engine))
    await rig.check_placements(2)


async def test_after_a_failed_sync_nothing_is_placed_until_a_restart(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await rig.packed()

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("ama_tui.store.journal.group_sync.sync_data", broken)
        await take_best_bid(rig)
        await until(lambda: state(engine) is EngineState.NO_NEW, "the engine to notice")
    await cycles_later(engine, 3)
    latest = engine.publisher.latest
    assert (latest.state, run_of(engine).context.counters.totals.sent, latest.resting) == (EngineState.NO_NEW, 12, 11)
    assert "could not be synced" in latest.reason
    assert latest.way_out == "stop, fix the cause, then start again with --resume"
    with suppress(JournalError):
        await engine.stop()
    async with ticking(rig.venue):  # the intent may be in the file although its write failed: it is resolved first
        again = await rig.packed(resume=True)
    assert run_of(again).context.counters.totals.sent == 1
    assert len(await rig.orders()) == 12


async def test_state_that_cannot_be_saved_is_reported_once_and_recovers(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tui.engine.run.autosave.SAVE_EVERY_S", 0.05)
    monkeypatch.setattr("ama_tui.store.state_store.REFRESH_S", 0.0)
    engine = await rig.packed()

    def full(_: StateStore) -> None:
        raise CheckpointError("the disk is full", "free some disk space")

    with monkeypatch.context() as patch:
        patch.setattr(StateStore, "save", full)
        await until(lambda: state(engine) is EngineState.NO_NEW, "the engine to notice")
        await take_best_bid(rig)
        await cycles_later(engine, 5)
        latest = engine.publisher.latest
        assert (latest.reason, latest.resting) == ("the disk is full: free some disk space", 11)
    await until(lambda: run_of(engine).packed, "the refill")
    assert state(engine) is EngineState.RUNNING
    assert [line["error"] for line in rig.journal("ERROR")] == ["the disk is full: free some disk space"]
    notes = [line["params"]["text"] for line in rig.journal("NOTE")]
    assert len([text for text in notes if text.startswith("state saved again")]) == 1


async def test_node_outage_is_journalled_when_it_begins_and_when_it_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tui.engine.run.outages.STALE_AFTER_S", 0.5)
    monkeypatch.setattr("ama_tui.engine.run.pace.RETRY_S", 0.05)
    engine = await rig.packed()
    run = run_of(engine)

    async def dead(*_: object, **__: object) -> None:
        raise UnreachableError("RPC_URL does not answer", "check that the node is running?")

    with monkeypatch.context() as patch:
        patch.setattr(run.context.connections.chain, "read_fleet", dead)
        patch.setattr(run.context.connections.chain.changes, "read", dead)
        await until(lambda: state(engine) is EngineState.NO_NEW, "the read to grow old")
        assert engine.publisher.latest.reason.startswith("RPC_URL does not answer")
        await until(lambda: run.outages.chain.times > 5, "some cycles of it")
        assert run.context.counters.errors_by_kind["chain unreadable"] == 1
    await until(lambda: state(engine) is EngineState.RUNNING, "the node to be back")
    assert len(rig.journal("ERROR")) == 1
    notes = [line["params"]["text"] for line in rig.journal("NOTE")]
    (end,) = [text for text in notes if text.startswith("chain back after")]
    assert int(end.split("(")[1].split()[0]) > 5


async def test_lasting_mark_price_outage_is_one_error_reported_at_its_start_and_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await rig.packed()
    context, outages = run_of(engine).context, run_of(engine).outages

    async def dead(*_: object, **__: object) -> None:
        raise UnreachableError("the API does not answer", "is it running?")

    with monkeypatch.context() as patch:
        patch.setattr(context.connections.api, "live", dead)
        await until(lambda: outages.mark.times > 5, "some cycles of it")
        assert state(engine) is EngineState.RUNNING
    await until(lambda: not outages.mark.text, "the price to be back")
    assert context.counters.errors_by_kind["mark price unavailable"] == 1
    told = [text for text in log_lines(engine) if text.startswith("mark price")]
    assert told[0] == "mark price: the API does not answer: is it running?"
    assert len(told) == 2
    assert told[1].startswith("mark price back after")


async def test_paused_run_stays_paused_through_an_outage_and_shows_it_when_resumed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tui.engine.run.autosave.SAVE_EVERY_S", 0.05)
    monkeypatch.setattr("ama_tui.store.state_store.REFRESH_S", 0.0)
    engine = await rig.packed()
    await engine.pause()

    def full(_: StateStore) -> None:
        raise CheckpointError("the disk is full", "free some disk space")

    with monkeypatch.context() as patch:
        patch.setattr(StateStore, "save", full)
        await until(lambda: run_of(engine).outages.saving.text, "a save to fail")
        assert state(engine) is EngineState.PAUSED
        await engine.resume()
        assert state(engine) is EngineState.NO_NEW
    await until(lambda: state(engine) is EngineState.RUNNING, "the state to be saved")


async def test_finished_run_cannot_be_killed(rig: Rig) -> None:
    engine = await rig.packed()
    async with ticking(rig.venue):
        await run_of(engine).stop()
    with pytest.raises(ConfigError, match="nothing is running"):
        await run_of(engine).kill()
    assert run_of(engine).state is EngineState.STOPPED
