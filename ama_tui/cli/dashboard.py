"""Open the dashboard: the engine runs on its own thread, the screen on this one."""

from __future__ import annotations

import os
import select
import shlex
import sys
import termios
from collections.abc import Callable
from contextlib import suppress

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.profile import profiled
from ama_tui.cli.signals import SIGNALS
from ama_tui.domain.errors import ConfigError

_LEAVE_SCREEN = b"\x1b[?2004l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[?7h"


def open_dashboard(arguments: Arguments, *, demo: bool = False) -> int:
    """Run the dashboard, print what stays open and return the exit code.

    Raises ConfigError without a terminal or if a debug variable is set, and any error that ended the dashboard.
    """
    if not demo:
        refuse_debugging(os.environ, is_allowed=arguments.allow_debug)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError("the dashboard needs a terminal", "run it in one, or add --headless to run or demo")
    from ama_tui.cli.wiring import open_host, wallets_source
    from ama_tui.ui.run import run_dashboard

    wallets = None if demo else wallets_source(arguments)  # may prompt for a password, so before the screen
    SIGNALS.before_forced_exit.append(_terminal_restorer())
    SIGNALS.hold()
    with profiled(arguments.profile):
        outcome = run_dashboard(
            lambda: open_host(arguments, wallets),
            make_demo_host=lambda: open_host(arguments, None),
            is_demo=demo,
            autostart=not arguments.ask,
            signals=SIGNALS,
            cancel_options=cancel_options(arguments),
        )
    if outcome.last_line:
        print(outcome.last_line, file=sys.stderr, flush=True)
    if outcome.is_forced:
        os._exit(outcome.exit_code)
    if outcome.failure is not None:
        raise outcome.failure
    return outcome.exit_code


def _terminal_restorer() -> Callable[[], None]:
    """What gives the terminal back when the dashboard cannot do it any more."""
    terminal = sys.stdin.fileno()
    modes = termios.tcgetattr(terminal)

    def restore() -> None:
        with suppress(OSError, termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, modes)
            if select.select([], [2], [], 0)[1]:
                os.write(2, _LEAVE_SCREEN)

    return restore


def cancel_options(arguments: Arguments) -> str:
    """The options of this command line that a `cancel-all` for the same venue, wallets and files needs too."""
    words: list[str] = []
    for option, path in (("--vault", arguments.csv), ("--state-dir", arguments.state_dir)):
        if path is not None:
            words += [option, str(path.absolute())]
    for option, is_given in (
        ("--insecure-permissions", arguments.insecure_permissions),
        ("--insecure-http", arguments.insecure_http),
        ("--allow-debug", arguments.allow_debug),
    ):
        if is_given:
            words.append(option)
    return shlex.join(words)
