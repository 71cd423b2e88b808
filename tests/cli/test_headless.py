"""How a headless run ends when its stop was to cancel every order."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ama_tui.cli import headless
from ama_tui.cli.arguments import Arguments
from ama_tui.cli.progress import Progress
from ama_tui.engine.engine_api import KillReport, Survivor
from ama_tui.engine.publisher import Publisher

ALICE = "0x" + "a1" * 20
LEFT = KillReport(cancelled=3, block=9, seconds=60.0, survivors=(Survivor(ALICE, "alice", 7),), read_twice=False)
GONE = KillReport(cancelled=4, block=9, seconds=1.0)


class StoppedEngine:
    """An engine whose run has ended with this report."""

    def __init__(self, ended: KillReport | None) -> None:
        self.run = SimpleNamespace(ended=ended, cancel_on_stop=False)

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
