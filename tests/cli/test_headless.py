"""How a headless run ends: its exit code on one market and on several, and the progress it shows."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ama_tui.cli import headless
from ama_tui.cli.arguments import Arguments
from ama_tui.cli.progress import Progress
from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent, WalletRow
from ama_tui.domain.market import Market
from ama_tui.engine.engine_api import KillReport, Survivor
from ama_tui.engine.publisher import Publisher

ALICE = "0x" + "a1" * 20
LEFT = KillReport(cancelled=3, block=9, seconds=60.0, survivors=(Survivor(ALICE, "alice", 7),), read_twice=False)
GONE = KillReport(cancelled=4, block=9, seconds=1.0)


class StoppedEngine:
    """An engine whose run has ended with these reports, one for each market, and these errors."""

    def __init__(self, *ended: KillReport | None, failures: Sequence[tuple[Market, Exception]] = ()) -> None:
        runs = [SimpleNamespace(ended=one, cancel_on_stop=False, packed=True) for one in ended]
        self.markets_run = [SimpleNamespace(run=run) for run in runs]
        self.failures = failures

    async def stop(self, patience: float) -> None: ...

    def summary(self) -> dict[str, object]:
        return {"packed": True}


@pytest.mark.parametrize(("ended", "code"), [(LEFT, 4), (GONE, 0), (None, 0)])
async def test_cancel_on_stop_with_survivors_lists_them_and_exits_with_4(
    ended: KillReport | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine: Any = StoppedEngine(ended)
    monkeypatch.setattr(headless, "build_engine", lambda *_, **__: engine)
    run = headless._Headless(Arguments(as_json=True), None, None)
    with Progress(Publisher(), sys.stderr) as progress:
        assert await run._finish(progress) == code
    said = capsys.readouterr()
    assert said.out == '{"packed": true}\n'
    assert (f"alice  {ALICE}  order 7" in said.err) is (code == 4)


@pytest.mark.parametrize(("ended", "code"), [((GONE, LEFT), 4), ((GONE, None), 3), ((None, None), 3)])
async def test_exit_code_is_that_of_the_most_serious_result_of_any_market(
    ended: tuple[KillReport | None, ...],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failures = [(market("BTC-USD"), VenueError("the node is gone"))]
    engine: Any = StoppedEngine(*ended, failures=failures)
    monkeypatch.setattr(headless, "build_engine", lambda *_, **__: engine)
    run = headless._Headless(Arguments(as_json=True), None, None)
    with Progress(Publisher(), sys.stderr) as progress:
        assert await run._finish(progress) == code
    assert "BTC-USD: the node is gone" in capsys.readouterr().err


def market(symbol: str) -> Market:
    return Market(symbol, "0x" + symbol.encode().hex().ljust(40, "0"), "0x" + "00" * 32, 1, 10_000)


def test_progress_names_the_market_in_every_line_of_a_run_on_several() -> None:
    publisher, stream = Publisher(), io.StringIO()
    with Progress(publisher, stream) as progress:
        progress.begin()
        for one, symbol in zip(publisher.for_markets(2), ("ETH-USD", "BTC-USD"), strict=True):
            rows = (WalletRow(ALICE, "alice", 0, bids=1, asks=1, target_bids=1, target_asks=1),)
            one.publish(EngineSnapshot(EngineState.RUNNING, market=market(symbol), run_id="1", wallets=rows, block=7))
            one.log(LogEvent(0, Action.NOTE, f"note of {symbol}"))
    lines = stream.getvalue().splitlines()
    for symbol in ("ETH-USD", "BTC-USD"):
        assert f"{symbol}: running: resting 2/2, pending 0, unknown 0, block 7" in lines
        assert f"{symbol}: note of {symbol}" in lines
