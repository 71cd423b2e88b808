"""Running the dashboard from start to end: the terminal is restored and the engine's thread has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ama_tui.ui.app import AmaApp
from ama_tui.ui.exit_message import ExitMessage

if TYPE_CHECKING:
    from ama_tui.engine.host import EngineHost


def run_dashboard(
    make_host: Callable[[], EngineHost],
    *,
    make_demo_host: Callable[[], EngineHost] | None = None,
    is_demo: bool = False,
    begin_at_once: bool = False,
) -> ExitMessage:
    """Show the dashboard until the operator leaves it; say how it ended.

    With `begin_at_once` a run begins without a question, as far as the options say all it takes.
    `make_host` is called once the first frame is on the screen, so what it imports does not delay that
    frame. After a crash of the screen the engine is stopped all the same, and the exit code is 1. When
    `Outcome.at_once` is set the engine was not waited for: end the process without joining threads.
    """
    app = AmaApp(make_host, make_demo_host=make_demo_host, is_demo=is_demo, begin_at_once=begin_at_once)
    outcome: ExitMessage | None = None
    try:
        outcome = app.run()
    except OSError:
        if not app.terminal_lost:
            raise
    finally:
        if outcome is None:
            outcome = app.stop_after_crash()
    return outcome
