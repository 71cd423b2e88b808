"""`ama-tui`: the group of commands, each loaded when it is named."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ama_tui import __version__
from ama_tui.cli import crash
from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.hardening import forbid_core_dumps
from ama_tui.cli.options import allow_debug_option, ask_option, fleet_options, insecure_http_option, wallets_options
from ama_tui.domain.errors import AmaError
from ama_tui.keys.redaction import without_keys

COMMANDS = {
    "demo": ("ama_tui.cli.demo", "The dashboard on a venue of our own, with a funded fleet."),
    "run": ("ama_tui.cli.run", "Keep a market packed, with or without the dashboard."),
    "journal": ("ama_tui.cli.journal", "Show, verify, repair or export what was journalled."),
    "markets": ("ama_tui.cli.markets", "List the venue's markets."),
    "doctor": ("ama_tui.cli.doctor", "Check all that a run needs, and say how to mend it."),
    "cancel-all": ("ama_tui.cli.cancel_all", "Cancel everything on a market, and prove it."),
    "wallets": ("ama_tui.cli.wallets", "Make, check, seal and convert wallets files."),
    "sessions": ("ama_tui.cli.sessions", "List the sessions that are known, or end them."),
    "venue": ("ama_tui.cli.venue", "Serve a venue of our own until stopped."),
}
"""Each command: the module that holds it as `command`, and its line in the help."""


class LazyGroup(click.Group):
    """Loads a command's module only when that command runs, so that help and version answer at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101 - our own table
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
    """Keep an on-chain order book liquid with a fleet of your own wallets.

    Without a command the dashboard opens on the venue that the environment names.
    """
    if ctx.invoked_subcommand is None:
        from ama_tui.cli.dashboard import open_dashboard

        ctx.exit(open_dashboard(arguments_of(options)))
    elif given := _given_before_the_command(ctx):
        raise click.UsageError(f"{given} stands before the command: put it after '{ctx.invoked_subcommand}'")


def _given_before_the_command(ctx: click.Context) -> str | None:
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            return parameter.opts[-1]
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; every error is one line on stderr, a fault of ours too.

    Without `arguments` this is the process's own command line: what fails after it, while the process ends, is then
    told in the same way.
    """
    if sys.platform == "win32":
        click.echo("ama-tui: Windows is not supported: use Linux, macOS or WSL", err=True)
        sys.exit(2)
    if arguments is None:
        crash.report_all()
        sys.exit(_run(None))
    with crash.reported():
        code = _run(arguments)
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        forbid_core_dumps()
        code = cli.main(args=arguments, prog_name="ama-tui", standalone_mode=False)
    except AmaError as error:
        click.echo(f"ama-tui: {without_keys(str(error))}", err=True)
        return error.exit_code
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        click.echo(f"ama-tui: {without_keys(_usage_line(error))}", err=True)
        return 2
    except SystemExit:
        raise
    except BaseException as error:  # Python itself would print all that such an error says of itself
        crash.tell(error)
        return crash.EXIT_CODE
    return code if isinstance(code, int) else 0


def _usage_line(error: click.ClickException) -> str:
    """What is wrong with the command line, and where to look."""
    message = " ".join(error.format_message().split()).rstrip(".")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}: see '{ctx.command_path if ctx is not None else 'ama-tui'} --help'"
