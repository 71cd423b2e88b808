"""`ama-tui`: the command group. Each command's module is loaded when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ama_tui import __version__
from ama_tui.cli import crash
from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.hardening import allow_many_files, forbid_core_dumps
from ama_tui.cli.options import allow_debug_option, ask_option, fleet_options, insecure_http_option, wallets_options
from ama_tui.cli.signals import INTERRUPTED, SIGNALS, was_interrupted
from ama_tui.cli.strategy_options import StrategyGroup
from ama_tui.cli.streams import OutputError, prepare_streams
from ama_tui.domain.errors import AmaError
from ama_tui.keys.redaction import without_keys

COMMANDS = {
    "demo": ("ama_tui.cli.demo", "Try the dashboard on a local test venue."),
    "run": ("ama_tui.cli.run", "Make a market, with or without the dashboard."),
    "journal": ("ama_tui.cli.journal", "Show, verify, repair or export journals."),
    "strategies": ("ama_tui.cli.strategies", "List the strategies and their parameters."),
    "markets": ("ama_tui.cli.markets", "List the venue's markets."),
    "doctor": ("ama_tui.cli.doctor", "Check your setup and suggest fixes."),
    "cancel-all": ("ama_tui.cli.cancel_all", "Cancel all orders on a market and verify on chain."),
    "wallets": ("ama_tui.cli.wallets", "Create, check, encrypt and convert wallets files."),
    "sessions": ("ama_tui.cli.sessions", "List or revoke sessions."),
    "venue": ("ama_tui.cli.venue", "Run a local test venue."),
}
"""For each command: the module that defines it as `command`, and its line in the help."""


class LazyGroup(StrategyGroup):
    """Loads a command's module only when it is used, to keep --help and --version fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101 - from COMMANDS
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ama-tui")
@wallets_options
@fleet_options
@ask_option(True)
@insecure_http_option
@allow_debug_option
@click.pass_context
def cli(ctx: click.Context, /, **options: object) -> None:
    """Make a market on an on-chain order book with a fleet of wallets.

    With no command, open the dashboard on the configured venue.
    """
    if ctx.invoked_subcommand is None:
        from ama_tui.cli.dashboard import open_dashboard

        ctx.exit(open_dashboard(arguments_of(options)))
    elif option := _option_before_command(ctx):
        raise click.UsageError(f"{option} must come after the command: ama-tui {ctx.invoked_subcommand} {option} …")


def _option_before_command(ctx: click.Context) -> str | None:
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            return parameter.opts[-1]
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code. Every error is one line on stderr, also internal errors.

    Without `arguments` it runs the process's own command line, and errors during interpreter exit are reported too.
    """
    if sys.platform == "win32":
        click.echo("ama-tui: Windows is not supported; use Linux, macOS or WSL", err=True)
        sys.exit(2)
    if arguments is None:
        SIGNALS.take_over()
        prepare_streams()
        crash.report_all()
        sys.exit(_run_process())
    with crash.reported():
        code = _run(arguments)
    sys.exit(code)


def _run_process() -> int:
    """Run the process's own command line, with its signals. Nothing stops it once it has its code."""
    code = crash.EXIT_CODE
    try:
        code = _run(None)
    except KeyboardInterrupt:  # while `_run` was returning
        code = INTERRUPTED
    finally:
        SIGNALS.over(code)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        SIGNALS.interrupt()
        forbid_core_dumps()
        allow_many_files()
        code = cli.main(args=arguments, prog_name="ama-tui", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except SystemExit:
        raise
    except BaseException as error:  # Python would print the error's message, which may contain secrets
        return INTERRUPTED if isinstance(error, click.Abort) or was_interrupted(error) else _explain(error)
    return code if isinstance(code, int) else 0


def _explain(error: BaseException) -> int:
    """Print what is wrong in one line; returns the exit code."""
    if isinstance(error, OutputError) and error.has_no_reader:
        return error.exit_code
    if isinstance(error, AmaError):
        click.echo(f"ama-tui: {without_keys(str(error))}", err=True)
        return error.exit_code
    if isinstance(error, click.ClickException):
        click.echo(f"ama-tui: {without_keys(_usage_line(error))}", err=True)
        return 2
    crash.report(error)
    return crash.EXIT_CODE


def _usage_line(error: click.ClickException) -> str:
    """Format a usage error and point to the help."""
    message = " ".join(error.format_message().split()).rstrip(".")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}: see '{ctx.command_path if ctx is not None else 'ama-tui'} --help'"
