"""The options that commands share. Light: only click and the declaration of the settings."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

from ama_tui.domain.setting import Kind, Setting
from ama_tui.domain.settings import DRY_RUN, PACKER, RUN_SETTINGS

F = TypeVar("F", bound=Callable[..., object])


def _apply(options: list[Callable[[F], F]], function: F) -> F:
    for option in reversed(options):
        function = option(function)
    return function


class _EnumChoice(click.Choice[str]):
    """A choice that gives the member of an enumeration."""

    def __init__(self, members: type[Enum]) -> None:
        super().__init__([str(member.value) for member in members])
        self._members = members

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._members(super().convert(value, param, ctx))


_TYPES: dict[Kind, click.ParamType[Any] | None] = {
    Kind.INTEGER: click.INT,
    Kind.NUMBER: click.FLOAT,
    Kind.CHOICE: click.STRING,
    Kind.TEXT: click.STRING,
    Kind.TEXTS: click.STRING,
    Kind.FLAG: None,
}


def setting_option(setting: Setting[Any]) -> Callable[[F], F]:
    """The command-line option of a setting; without it the value is None, for the file or the saved run to give."""
    enumeration = setting.enumeration
    return click.option(
        setting.option,
        setting.name,
        type=_TYPES[setting.kind] if enumeration is None else _EnumChoice(enumeration),
        is_flag=True if setting.kind is Kind.FLAG else None,
        multiple=setting.kind is Kind.TEXTS,
        default=None,
        metavar=setting.placeholder,
        help=help_of(setting),
    )


def help_of(setting: Setting[Any]) -> str:
    """A setting in one line of `--help`: `Orders a wallet keeps on each side, 1…50 [6].`"""
    text = setting.help[0].upper() + setting.help[1:]
    if setting.kind in (Kind.INTEGER, Kind.NUMBER) and setting.range_text:
        text += f", {setting.range_text}"
    has_off_switch = "/" in setting.option
    if setting.default_text and (setting.kind is not Kind.FLAG or has_off_switch):
        text += f" [{setting.default_text}]"
    return f"{text}."


def fleet_options(function: F) -> F:
    """The settings of a run, with the packer's parameters last, and where its files are."""
    others = [setting for setting in RUN_SETTINGS if setting is not DRY_RUN]
    options: list[Callable[[F], F]] = [
        *(setting_option(setting) for setting in others),
        *(setting_option(setting) for setting in PACKER.all),
        click.option(
            "--state-dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=None,
            help="Directory for saved runs [state].",
        ),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            default=None,
            help="A TOML file with settings.",
        ),
    ]
    return _apply(options, function)


def wallets_options(function: F) -> F:
    """Which file the keys are in, and whether unsafe permissions are accepted."""
    options: list[Callable[[F], F]] = [
        click.option(
            "--vault",
            "--csv",
            "csv",
            type=click.Path(path_type=Path, readable=False),
            default=None,
            metavar="FILE",
            help="Wallets file: CSV, vault or keystore [wallets.csv, else wallets.vault].",
        ),
        click.option(
            "--insecure-permissions",
            is_flag=True,
            help="Accept a wallets file with unsafe permissions.",
        ),
    ]
    return _apply(options, function)


state_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("state"),
    help="Directory for saved runs [state].",
)

patience_option = click.option(
    "--within",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Timeout; remaining orders are then listed.",
)

insecure_http_option = click.option("--insecure-http", is_flag=True, help="Allow unencrypted HTTP to a remote venue.")

profile_option = click.option(
    "--profile",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Write where the run's time went, as flame graph stacks.",
)

allow_debug_option = click.option("--allow-debug", is_flag=True, help="Allow debug variables such as TEXTUAL_LOG.")


def ask_option(default: bool) -> Callable[[F], F]:
    """Whether the dashboard lets the operator choose first, or starts with what the options say."""
    text = "Choose market and parameters first, or start immediately"
    return click.option("--ask/--no-ask", default=default, help=f"{text} [{'ask' if default else 'no-ask'}].")


def headless_options(function: F) -> F:
    """When a run without the dashboard stops and what it prints."""
    options: list[Callable[[F], F]] = [
        click.option("--headless", is_flag=True, help="Run without the dashboard."),
        click.option("--until", default=None, metavar="packed|Ns", help="Stop when packed, or after N seconds."),
        click.option(
            "--within",
            type=click.FloatRange(min=1),
            default=600.0,
            show_default=True,
            metavar="S",
            help="Timeout for --until packed.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print a JSON summary on stdout at the end."),
        setting_option(DRY_RUN),
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
            help="Seconds between blocks; 0 mines a block per transaction.",
        ),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed for traders and keys."),
        click.option(
            "--node",
            type=click.Choice(["embedded", "anvil"]),
            default="embedded",
            show_default=True,
            help="Node that runs the chain; anvil must be on the PATH.",
        ),
        click.option(
            "--chaos",
            is_flag=True,
            help="Inject faults: late, lost or wrong replies, chain reorgs; --seed selects them.",
        ),
    ]
    return _apply(options, function)
