"""`ama-tui strategies`: list the strategies that are installed, with their parameters."""

from __future__ import annotations

import json
from typing import Any

import click

from ama_tui.cli.strict import StrictCommand
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.setting import INFINITY, Setting
from ama_tui.domain.strategy_settings import StrategySettings


@click.command("strategies", cls=StrictCommand)
@click.option("--json", "as_json", is_flag=True, help="Print the strategies as a JSON list.")
def command(as_json: bool) -> None:
    """List the strategies and their parameters.

    Packages can bring more: see CONTRIBUTING.md. A strategy that cannot be loaded is listed with the reason.
    """
    from ama_tui.strategies import registry

    rows: list[dict[str, object]] = []
    for name in registry.names():
        origin = registry.package_of(name)
        try:
            found = registry.settings_for(name)
        except ParameterError as error:
            rows.append({"name": name, "package": origin, "problem": error.message})
            if not as_json:
                click.echo(f"{name}  ✗ {error.message}\n")
            continue
        rows.append(_row(found, origin))
        if not as_json:
            click.echo("\n".join(_lines(found, origin)) + "\n")
    if as_json:
        click.echo(json.dumps(rows))


def _lines(strategy: StrategySettings, origin: str) -> list[str]:
    """A strategy as text: its options as the command line has them."""
    lines = [f"{strategy.name}  {strategy.summary}" + ("" if origin == "ama-tui" else f"  ({origin})")]
    width = max((len(setting.short_option) for setting in strategy.own), default=0)
    for setting in strategy.own:
        default = f" [{setting.default_text}]" if setting.default_text else ""
        values = " ".join(filter(None, (setting.range_text, setting.unit)))
        lines.append(f"  {setting.short_option:{width}}  {setting.help}{f', {values}' if values else ''}{default}")
    return lines


def _row(strategy: StrategySettings, origin: str) -> dict[str, object]:
    return {
        "name": strategy.name,
        "summary": strategy.summary,
        "package": origin,
        "parameters": [_parameter(setting) for setting in strategy.own],
        "shared": [_parameter(setting) for setting in strategy.shared],
    }


def _parameter(setting: Setting[Any]) -> dict[str, object]:
    return {
        "key": setting.key,
        "option": setting.short_option,
        "type": setting.kind.name.lower(),
        "default": setting.plain_default,
        "low": None if setting.low == -INFINITY else setting.low,
        "low_is_exclusive": setting.low_is_exclusive,
        "high": None if setting.high == INFINITY else setting.high,
        "choices": list(setting.choices),
        "unit": setting.unit,
        "help": setting.help,
    }
