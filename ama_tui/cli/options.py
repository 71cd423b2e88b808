"""The options that commands share. Light: only click and the parameter table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from ama_tui.domain.parameters import SPECS

F = TypeVar("F", bound=Callable[..., object])


def _apply(options: list[Callable[[F], F]], function: F) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def fleet_options(function: F) -> F:
    """Which wallets, which market, which state and strategy; and the eight parameters."""
    options: list[Callable[[F], F]] = [
        click.option("--wallets", type=int, default=None, help="Use the first N wallets [10]."),
        click.option("--market", default=None, metavar="SYMBOL|ADDRESS", help="The market to keep packed."),
        click.option(
            "--state-dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=None,
            help="Where runs are remembered [state].",
        ),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            default=None,
            help="A TOML file of options.",
        ),
        click.option(
            "--resume/--fresh",
            default=None,
            help="Go on with the stored run of this market, or begin a new one.",
        ),
        click.option("--strategy", default=None, metavar="NAME", help="The strategy [packer]."),
        click.option(
            "--rules",
            type=click.Choice(["even", "original"]),
            default=None,
            help="The packer's rules [even].",
        ),
        click.option(
            "--collateral",
            type=click.Choice(["net", "gross"]),
            default=None,
            help="Is the venue's available collateral net of open orders' margin? [net]",
        ),
        click.option("--cancel-on-stop", is_flag=True, default=None, help="Cancel all orders when stopping."),
        click.option(
            "--settle-after",
            type=click.FloatRange(min=1),
            default=None,
            metavar="S",
            help="Seconds after which an unanswered order that the chain never showed is given up [60].",
        ),
        click.option(
            "--session-hours",
            type=float,
            default=None,
            metavar="H",
            help="Hours that a new session lasts, 0.1…168 [24]; it is renewed 5 minutes before its end.",
        ),
        click.option(
            "--session-caps/--no-session-caps",
            default=None,
            help="Limit what a session may trade to what the run needs, with room to spare [caps].",
        ),
        click.option(
            "--renew-revoked",
            is_flag=True,
            default=None,
            help="Make sessions anew that somebody revoked.",
        ),
    ]
    for spec in SPECS:
        kind: click.ParamType[Any] = click.INT if spec.is_integer else click.FLOAT
        text = f"{spec.meaning.capitalize()}, {spec.range_text} [{spec.default:g}]."
        options.append(click.option(spec.option, spec.name, type=kind, default=None, help=text))
    return _apply(options, function)


def wallets_options(function: F) -> F:
    """Which file the keys are in, and whether its permissions count."""
    options: list[Callable[[F], F]] = [
        click.option(
            "--vault",
            "--csv",
            "csv",
            type=click.Path(path_type=Path, readable=False),
            default=None,
            metavar="FILE",
            help="The wallets: a CSV, a vault or a keystore [wallets.csv, else wallets.vault].",
        ),
        click.option(
            "--insecure-permissions",
            is_flag=True,
            help="Read the wallets although others can read or change the file.",
        ),
    ]
    return _apply(options, function)


state_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("state"),
    help="Where runs are remembered [state].",
)

patience_option = click.option(
    "--within",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds after which what is left is listed.",
)

insecure_http_option = click.option(
    "--insecure-http", is_flag=True, help="Go on although the venue is plain http on another machine."
)

allow_debug_option = click.option(
    "--allow-debug", is_flag=True, help="Go on although a debug variable such as TEXTUAL_LOG is set."
)


def ask_option(default: bool) -> Callable[[F], F]:
    """Whether the dashboard asks for the market and the parameters, or begins with what the options say."""
    text = (
        "Let the dashboard show the markets and the set-up first"
        if not default
        else ("Ask for the market and the parameters in the dashboard, or begin at once")
    )
    return click.option("--ask/--no-ask", default=default, help=f"{text} [{'ask' if default else 'begin at once'}].")


def headless_options(function: F) -> F:
    """How a run without the dashboard ends and what it prints."""
    options: list[Callable[[F], F]] = [
        click.option("--headless", is_flag=True, help="Run without the dashboard."),
        click.option("--until", default=None, metavar="packed|Ns", help="End when packed, or after N seconds."),
        click.option(
            "--within",
            type=click.FloatRange(min=1),
            default=600.0,
            show_default=True,
            metavar="S",
            help="The most that --until packed waits.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object, last on stdout."),
        click.option("--dry-run", is_flag=True, help="Plan once and show the plan; sign and send nothing."),
    ]
    return _apply(options, function)


def localnet_options(function: F) -> F:
    """How the embedded venue behaves."""
    options: list[Callable[[F], F]] = [
        click.option(
            "--block-time",
            type=click.FloatRange(min=0),
            default=1.0,
            show_default=True,
            metavar="S",
            help="Seconds between blocks; 0 is a block per transaction.",
        ),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed of the traders and the keys."),
        click.option(
            "--node",
            type=click.Choice(["embedded", "anvil"]),
            default="embedded",
            show_default=True,
            help="What runs the chain; anvil must be on the PATH.",
        ),
        click.option(
            "--chaos",
            is_flag=True,
            help="Make the venue a bad day: answers late, lost or wrong, blocks mined anew; --seed decides which.",
        ),
    ]
    return _apply(options, function)


def parameters_given(options: Mapping[str, object]) -> dict[str, object]:
    """The parameters that the command line named, by file key."""
    return {spec.key: options[spec.name] for spec in SPECS if options.get(spec.name) is not None}
