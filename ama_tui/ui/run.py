"""Runs the dashboard from start to end; the terminal is restored in every case."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ama_tui.ui.app import AmaApp
from ama_tui.ui.exit_message import ExitMessage

if TYPE_CHECKING:
    from ama_tui.engine.host import EngineHost
    from ama_tui.ui.base_app import SignalSource

SWITCH_INTERVAL_S = 0.001
"""How long a busy engine may keep the interpreter while a key waits. A key changes threads several times before its
frame is shown, each time at the default of 5 ms otherwise."""


def run_dashboard(
    make_host: Callable[[], EngineHost],
    *,
    make_demo_host: Callable[[], EngineHost] | None = None,
    is_demo: bool = False,
    autostart: bool = False,
    signals: SignalSource | None = None,
    cancel_options: str = "",
) -> ExitMessage:
    """Show the dashboard until the operator leaves it; returns how it ended.

    With `autostart` a run starts without asking, if the options suffice. `cancel_options` are those of this command
    line that `ama-tui cancel-all` needs too. `make_host` is called after the first frame, so its imports do not delay
    that frame. If the screen crashes, the engine is still stopped and the exit code is 1.
    """
    app = AmaApp(
        make_host,
        make_demo_host=make_demo_host,
        is_demo=is_demo,
        autostart=autostart,
        cancel_options=cancel_options,
        signals=signals,
    )
    message: ExitMessage | None = None
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        message = app.run()
    except OSError:
        if not app.terminal_lost:
            raise
    finally:
        if message is None:
            message = app.stop_after_crash()
    return message
