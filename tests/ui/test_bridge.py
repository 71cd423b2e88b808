"""The bridge: snapshots one way, commands the other, and no way for the screen to break the engine."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace

import pytest

from ama_tui.domain.errors import AmaError, UnreachableError
from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent
from ama_tui.engine.engine_api import EngineApi
from ama_tui.ui.bridge import COVERED_POLLS, Bridge
from tests.sizes import PATIENCE_S
from tests.ui.fakes import NOW, FakeHost, snapshot
from tests.ui.stage import until


@dataclass
class Eye:
    """A view that records what it was shown."""

    seen: list[tuple[EngineState, float]] = field(default_factory=list)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        self.seen.append((snapshot.state, now))


class Clock:
    """Tells `now`."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def bridge_to(host: FakeHost, clock: Clock | None = None) -> Bridge:
    bridge = Bridge(host, clock=clock or Clock())
    bridge.start()
    return bridge


async def test_open_returns_the_engines_facts() -> None:
    host = FakeHost(problems=("RPC_URL is not set",), wallets_available=7, preselected=("ETH",))
    bridge = bridge_to(host)
    facts = await bridge.open()
    assert facts.problem_lines == ("RPC_URL is not set",)
    assert (facts.wallets_available, facts.preselected, facts.is_demo) == (7, ("ETH",), False)
    assert facts.wallets == 7
    assert await bridge.close(PATIENCE_S)


async def test_attached_views_are_updated_until_detached() -> None:
    host = FakeHost()
    bridge = bridge_to(host)
    eye = Eye()
    bridge.attach(eye)
    bridge.attach(eye)
    assert bridge.poll() is None
    host.publisher.publish(snapshot())
    assert bridge.poll() is EngineState.RUNNING
    assert bridge.poll() is None
    bridge.detach(eye)
    bridge.detach(eye)
    host.publisher.publish(snapshot(EngineState.PAUSED))
    assert bridge.poll() is EngineState.PAUSED
    assert {state for state, _ in eye.seen} == {EngineState.READY, EngineState.RUNNING}
    assert {now for _, now in eye.seen} == {NOW}
    assert await bridge.close(PATIENCE_S)


async def test_views_are_told_nothing_while_there_is_nothing_new() -> None:
    host, clock, eye = FakeHost(), Clock(), Eye()
    bridge = bridge_to(host, clock)
    read = snapshot(read_at_ms=int(NOW * 1000))
    host.publisher.publish(read)
    bridge.attach(eye)
    bridge.poll()

    def told(seconds: float) -> int:
        before, clock.now = len(eye.seen), NOW + seconds
        for _ in range(3):
            bridge.poll()
        return len(eye.seen) - before

    assert [told(0.2), told(0.9)] == [0, 0]
    assert told(1.0) == 1
    host.publisher.log(LogEvent(0, Action.NOTE, "one"))
    assert told(1.1) == 1
    host.publisher.publish(replace(read))
    assert told(1.2) == 1
    assert [told(4.1), told(4.3)] == [1, 1]  # amber as soon as the next read is overdue, not a second later
    assert await bridge.close(PATIENCE_S)


async def test_covered_views_are_updated_once_a_second_and_on_every_state_change() -> None:
    host, clock = FakeHost(), Clock()
    bridge = bridge_to(host, clock)
    eye = Eye()
    bridge.attach(eye)
    bridge.cover(eye)
    seen = len(eye.seen)
    for _ in range(2 * COVERED_POLLS):
        clock.now += 1 / COVERED_POLLS
        bridge.poll()
    assert len(eye.seen) == seen + 2
    host.publisher.publish(snapshot())
    bridge.poll()
    assert eye.seen[-1][0] is EngineState.RUNNING
    bridge.attach(eye)
    bridge.detach(eye)
    bridge.cover(eye)
    seen = len(eye.seen)
    host.publisher.publish(snapshot(EngineState.PAUSED))
    bridge.poll()
    assert len(eye.seen) == seen
    assert await bridge.close(PATIENCE_S)


async def test_our_own_error_is_passed_through_unchanged() -> None:
    bridge = bridge_to(FakeHost(errors={"markets": UnreachableError("no answer from /api/markets", "is it up?")}))
    with pytest.raises(UnreachableError) as caught:
        await bridge.ask(lambda engine: engine.markets())
    assert caught.value.hint == "is it up?"
    assert await bridge.close(PATIENCE_S)


async def test_any_other_error_is_reported_without_its_text() -> None:
    async def broken(engine: EngineApi) -> None:
        raise RuntimeError("https://user:secret@rpc.example")

    bridge = bridge_to(FakeHost())
    with pytest.raises(AmaError) as caught:
        await bridge.ask(broken)
    assert "RuntimeError" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert await bridge.close(PATIENCE_S)


async def test_abandoned_command_is_not_cancelled() -> None:
    gate = threading.Event()
    host = FakeHost(gates={"stop": gate})
    bridge = bridge_to(host)
    waiting = asyncio.create_task(bridge.ask(lambda engine: engine.stop()))
    await until(lambda: "stop" in host.engine.calls)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    await until(lambda: host.publisher.latest.state is EngineState.STOPPED)
    assert await bridge.close(PATIENCE_S)


async def test_kill_freezes_before_the_engine_handles_it() -> None:
    gate = threading.Event()
    host = FakeHost(gates={"quote": gate})
    bridge = bridge_to(host)
    busy = asyncio.create_task(bridge.ask(lambda engine: engine.quote(snapshot().market)))  # type: ignore[arg-type]
    killing = asyncio.create_task(bridge.kill())
    await asyncio.sleep(0)
    assert host.engine.freeze.is_set()
    gate.set()
    assert (await killing).is_proven
    await busy
    assert await bridge.close(PATIENCE_S)


async def test_close_joins_the_thread_and_reports_when_it_cannot() -> None:
    gate = threading.Event()
    host = FakeHost(gates={"close": gate})
    bridge = bridge_to(host)
    await bridge.open()
    assert not await bridge.close(0.1)
    gate.set()
    await until(lambda: not host._thread.is_alive())


async def test_command_to_a_closed_engine_fails_with_a_clear_error() -> None:
    host = FakeHost(gates={"markets": threading.Event()})
    bridge = bridge_to(host)
    waiting = asyncio.create_task(bridge.ask(lambda engine: engine.markets()))
    await until(lambda: "markets" in host.engine.calls)
    closing = asyncio.create_task(bridge.close(PATIENCE_S))
    await asyncio.sleep(0.05)
    host.engine.gates["markets"].set()
    with pytest.raises(AmaError, match="closed"):
        await waiting
    assert await closing


async def test_stop_without_a_screen_stops_the_run_and_closes_the_engine() -> None:
    host = FakeHost()
    bridge = bridge_to(host)
    await bridge.open()
    host.publisher.publish(snapshot())
    bridge.stop_without_screen(5)
    assert host.engine.calls[-2:] == ["stop", "close"]
    assert not host._thread.is_alive()
