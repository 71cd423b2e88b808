"""How a headless run ends: the report of its cancel-all and the exit code, for one market or the worst of several."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ama_tui.cli import headless
from ama_tui.cli.arguments import Arguments
from ama_tui.cli.progress import Progress
from ama_tui.cli.run_text import summary_text
from ama_tui.domain.errors import JournalError
from ama_tui.engine.engine_api import KillReport, Survivor
from ama_tui.engine.publisher import Publisher

ALICE = "0x" + "a1" * 20
LEFT = KillReport(cancelled=3, block=9, seconds=60.0, survivors=(Survivor(ALICE, "alice", 7),), read_twice=False)
GONE = KillReport(cancelled=4, block=9, seconds=1.0)
FAULT = JournalError("the disk is full", "make room")


class StoppedEngine:
    """An engine whose markets have ended with these reports."""

    def __init__(self, *ended: KillReport | None, failures: tuple[JournalError, ...] = (), packed: bool = True) -> None:
        runs = [SimpleNamespace(ended=report, cancel_on_stop=False, packed=packed) for report in ended]
        self.markets_run = [SimpleNamespace(run=run) for run in runs]
        self.failures = [(SimpleNamespace(symbol="BTC-USD"), failure) for failure in failures]

    async def stop(self, patience: float) -> None: ...

    def summary(self) -> dict[str, object]:
        return {"packed": True}


@pytest.fixture
def finish(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Finishes a headless run on this engine; returns its exit code."""

    async def finished(engine: StoppedEngine, until: str | None = None) -> int:
        monkeypatch.setattr(headless, "build_engine", lambda *_, **__: engine)
        run = headless._Headless(Arguments(as_json=True, until=until), None, None)
        with Progress(Publisher(), sys.stderr) as progress:
            return await run._finish(progress)

    return finished


@pytest.mark.parametrize(
    ("ended", "code"), [((LEFT,), 4), ((GONE,), 0), ((None,), 0), ((GONE, LEFT), 4), ((GONE, None), 0)]
)
async def test_cancel_on_stop_with_survivors_on_any_market_lists_them_and_exits_with_4(
    ended: tuple[KillReport | None, ...], code: int, finish: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await finish(StoppedEngine(*ended)) == code
    said = capsys.readouterr()
    assert said.out == '{"packed": true}\n'
    assert (f"alice  {ALICE}  order 7" in said.err) is (code == 4)


async def test_failed_market_is_named_and_decides_the_exit_code_unless_orders_are_left(
    finish: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await finish(StoppedEngine(None, None, failures=(FAULT,), packed=False), "packed") == FAULT.exit_code
    assert "BTC-USD: the disk is full" in capsys.readouterr().err
    assert await finish(StoppedEngine(LEFT, None, failures=(FAULT,))) == 4


async def test_run_until_packed_that_ends_before_exits_with_5(finish: Any) -> None:
    assert await finish(StoppedEngine(None, None, packed=False), "packed") == 5
    assert await finish(StoppedEngine(None, None, packed=True), "packed") == 0


def test_summary_of_several_markets_has_a_line_for_each_and_the_rate_limits_once() -> None:
    market = {
        "resting_bids": 6,
        "resting_asks": 5,
        "target_orders": 12,
        "packed": False,
        "block": 7,
        "state": "RUNNING",
        "short": {"Poor": "no collateral"},
        "reason": "",
    }
    failed = {**market, "market": "BTC-USD", "state": "FAULTED", "reason": "the disk is full", "short": {}}
    totals = {"rate_limits": {"api": {"seconds": 3.0, "refused": 2}}}
    assert summary_text({"markets": [{**market, "market": "ETH-USD"}, failed], "totals": totals}).splitlines() == [
        "ETH-USD: bids 6, asks 5 of 12, not packed at block 7",
        "  Poor: no collateral",
        "BTC-USD: bids 6, asks 5 of 12, not packed at block 7",
        "  ended with an error: the disk is full",
        "  waited 3 s for the api's rate limit (2 requests refused)",
    ]
