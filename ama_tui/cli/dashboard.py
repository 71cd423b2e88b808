"""Open the dashboard: the engine runs on its own thread, the screen on this one."""

from __future__ import annotations

import os
import shlex
import sys

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.domain.errors import ConfigError


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
    outcome = run_dashboard(
        lambda: open_host(arguments, wallets),
        make_demo_host=lambda: open_host(arguments, None),
        is_demo=demo,
        autostart=not arguments.ask,
        cancel_options=cancel_options(arguments),
    )
    if outcome.last_line:
        print(outcome.last_line, file=sys.stderr, flush=True)
    if outcome.is_forced:
        os._exit(outcome.exit_code)
    if outcome.failure is not None:
        raise outcome.failure
    return outcome.exit_code


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
