"""The engine's thread: calls from anywhere, errors to the caller, an immediate freeze, a clean close."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import cast

import pytest

from ama_tui.domain.errors import AmaError, ConfigError
from ama_tui.engine.engine_api import EngineApi, KillReport
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.host import EngineHost
from ama_tui.engine.publisher import Publisher
from tests.sizes import PATIENCE_S

REPORT = KillReport(0, 1, 0.0)


@dataclass
class FakeEngine:
    """Records each call with its thread and whether sending was frozen then."""

    publisher: Publisher
    freeze: Freeze
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    fails: BaseException | None = None

    def note(self, what: str) -> None:
        self.asked.append((what, threading.current_thread().name, self.freeze.is_set()))

    async def pause(self) -> None:
        self.note("pause")

    async def stop(self) -> None:
        self.note("stop")
        await asyncio.sleep(0.2)

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport:
        self.note("kill")
        return REPORT

    async def close(self) -> None:
        self.note("close")
        if self.fails is not None:
            raise self.fails


@dataclass
class Bench:
    """A host, the engines built for it, and what building shall raise."""

    engines: list[FakeEngine] = field(default_factory=list)
    raises: list[Exception] = field(default_factory=list)
    host: EngineHost = field(init=False)

    def __post_init__(self) -> None:
        self.host = EngineHost(self.build)

    def build(self, publisher: Publisher, freeze: Freeze) -> EngineApi:
        if self.raises:
            raise self.raises.pop()
        self.engines.append(FakeEngine(publisher, freeze))
        return cast(EngineApi, self.engines[-1])


@pytest.fixture
def bench() -> Iterator[Bench]:
    found = Bench()
    yield found
    assert found.host.close(PATIENCE_S)


def test_engine_is_built_once_on_its_thread_and_called_there(bench: Bench) -> None:
    bench.host.start()
    for _ in range(3):
        bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    (engine,) = bench.engines
    assert engine.publisher is bench.host.publisher
    assert engine.asked == [("pause", "ama-engine", False)] * 3


def test_calls_made_before_the_start_are_served_after_it(bench: Bench) -> None:
    asked = bench.host.call(lambda engine: engine.pause())
    assert not asked.done()
    bench.host.start()
    asked.result(PATIENCE_S)
    assert [what for what, _, _ in bench.engines[0].asked] == ["pause"]


def test_error_while_building_the_engine_goes_to_the_caller_and_the_next_call_retries(bench: Bench) -> None:
    bench.raises = [ConfigError("no wallets file")]
    bench.host.start()
    with pytest.raises(ConfigError, match="no wallets file"):
        bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    assert len(bench.engines) == 1


def test_kill_freezes_every_send_before_the_engine_handles_it(bench: Bench) -> None:
    """It waits for nothing: the event is set while the engine's loop is still busy."""
    bench.host.start()
    bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    busy, release = threading.Event(), threading.Event()

    async def block(_: EngineApi) -> None:
        busy.set()
        release.wait(PATIENCE_S)  # the loop is to be busy

    blocking = bench.host.call(block)
    assert busy.wait(PATIENCE_S)
    killing = bench.host.kill_now()
    assert bench.engines[0].freeze.is_set()
    assert not killing.done()
    release.set()
    assert killing.result(PATIENCE_S) is REPORT
    blocking.result(PATIENCE_S)
    assert bench.engines[0].asked[-1] == ("kill", "ama-engine", True)


def test_close_closes_the_engine_and_joins_the_thread(bench: Bench) -> None:
    bench.host.start()
    bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    assert bench.host.close(PATIENCE_S)
    assert bench.host.close(PATIENCE_S)
    assert [what for what, _, _ in bench.engines[0].asked] == ["pause", "close"]
    assert "ama-engine" not in [thread.name for thread in threading.enumerate()]


def test_close_cancels_pending_calls(bench: Bench) -> None:
    bench.host.start()
    waiting = bench.host.call(lambda engine: asyncio.sleep(3600))
    bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    assert bench.host.close(PATIENCE_S)
    assert waiting.cancelled()


@pytest.mark.parametrize("error", [AmaError("the venue is gone"), ValueError("a fault")])
def test_engine_that_fails_to_close_does_not_keep_the_thread_alive(bench: Bench, error: Exception) -> None:
    bench.host.start()
    bench.host.call(lambda engine: engine.pause()).result(PATIENCE_S)
    bench.engines[0].fails = error
    assert bench.host.close(PATIENCE_S)


def test_host_that_was_never_started_can_be_closed(bench: Bench) -> None:
    assert bench.host.close(PATIENCE_S)


def test_close_times_out(bench: Bench) -> None:
    bench.host.start()
    release = threading.Event()

    async def block(_: EngineApi) -> None:
        release.wait(PATIENCE_S)  # the loop is stuck in a call

    bench.host.call(block)
    assert not bench.host.close(0.1)
    release.set()


def test_call_before_the_start_of_a_host_that_never_starts_is_cancelled(bench: Bench) -> None:
    waiting = bench.host.call(lambda engine: engine.pause())
    assert bench.host.close(PATIENCE_S)
    assert waiting.cancelled()
    assert bench.host.call(lambda engine: engine.pause()).cancelled()


def test_calls_that_race_the_close_are_answered_or_cancelled(bench: Bench) -> None:
    """None is forgotten, which would leave its caller waiting for ever."""
    bench.host.start()
    calls: list[Future[KillReport | None]] = []
    is_over = threading.Event()

    def press() -> None:
        while not is_over.is_set():
            calls.append(bench.host.call(lambda engine: engine.stop()))

    pressing = threading.Thread(target=press)
    pressing.start()
    assert bench.host.close(PATIENCE_S)
    is_over.set()
    pressing.join()
    assert calls[-1].cancelled()
    assert all(call.done() for call in calls)
