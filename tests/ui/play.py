"""The dashboard over a made-up run: by hand with `python -m tests.ui.play`, and for the tests of a real terminal.

    python -m tests.ui.play [lively|missing|hang|crash] [--mark FILE] [--own-terminal]

`lively` plays a run for the eye, `missing` starts without a venue, `hang` has a stop that never ends, `crash`
has a dashboard that fails once a run goes on. FILE gets a line when the engine was closed.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from ama_tui.cli import crash
from ama_tui.cli.signals import SIGNALS
from ama_tui.engine.host import EngineHost
from ama_tui.ui.run import run_dashboard


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("play", nargs="?", default="lively", choices=["lively", "missing", "hang", "crash", "plain"])
    parser.add_argument("--mark", type=Path)
    parser.add_argument("--own-terminal", action="store_true")
    options = parser.parse_args()
    SIGNALS.take_over()
    if options.own_terminal:
        _take_terminal()
    if options.play == "crash":
        _crash_when_live()
    outcome = run_dashboard(
        lambda: _host(options), make_demo_host=_lively, is_demo=options.play == "lively", signals=SIGNALS
    )
    if outcome.last_line:
        print(outcome.last_line, flush=True)
    if outcome.is_forced:
        os._exit(outcome.exit_code)
    if outcome.failure is not None:
        crash.report(outcome.failure)
    return outcome.exit_code


def _take_terminal() -> None:
    """Make standard input the controlling terminal of this session, so that losing it means SIGHUP."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _lively() -> EngineHost:
    from tests.ui.fakes import LivelyHost

    return LivelyHost(environment_label="DEMO localnet 31337", is_demo=True, wallets_available=10)


def _host(options: argparse.Namespace) -> EngineHost:
    from tests.ui.fakes import FakeHost

    if options.play == "lively":
        return _lively()
    fields: dict[str, object] = {"preselected": ("ETH",)}
    if options.play == "missing":
        fields["problems"] = ("RPC_URL is not set", "wallets.csv: no such file")
    if options.play == "hang":
        fields["gates"] = {"stop": threading.Event()}

    class MarkedHost(FakeHost):
        def close(self, timeout: float) -> bool:
            closed = super().close(timeout)
            if options.mark is not None:
                options.mark.write_text(" ".join(self.engine.calls))
            return closed

    return MarkedHost(**fields)


def _crash_when_live() -> None:
    from ama_tui.ui.screens.live import LiveScreen

    def bridge_tick(*_: object) -> None:
        private_key = "0x" + "ab" * 32
        raise RuntimeError(f"a defect of {len(private_key)}")

    LiveScreen.bridge_tick = bridge_tick  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    sys.exit(main())
