"""Commands that take the options of any installed strategy besides those of the packer, which they always have."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from ama_tui.cli.options import setting_option
from ama_tui.cli.strict import StrictCommand, StrictGroup
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.settings import BUILT_IN, STRATEGY
from ama_tui.domain.strategy_settings import StrategySettings


class StrategyCommand(StrictCommand):
    """A command with the options of the strategy that is asked for.

    Packages with strategies are looked for only when one is named or an option is unknown.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return _with_own(super().get_params(ctx), _found(self, ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _find_own(self, ctx, args)
        return super().parse_args(ctx, args)


class StrategyGroup(StrictGroup):
    """The same for a group."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return _with_own(super().get_params(ctx), _found(self, ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _find_own(self, ctx, args)
        return super().parse_args(ctx, args)


def _found(command: click.Command, ctx: click.Context) -> dict[str | None, click.Parameter]:
    """The options that were found for a command. Parent and child contexts share their `meta`."""
    found: dict[str | None, click.Parameter] = ctx.meta.setdefault(f"ama_tui.strategy_options {command.name}", {})
    return found


def _with_own(params: list[click.Parameter], own: dict[str | None, click.Parameter]) -> list[click.Parameter]:
    return [*(param for param in params if param.name not in own), *own.values()]


def _find_own(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Find the options of the strategies that the arguments speak of. Raises ParameterError, NoSuchOption."""
    own = _found(command, ctx)
    own.clear()
    while True:
        try:
            given, _, _ = command.make_parser(ctx).parse_args(list(args))
            break
        except click.NoSuchOption as error:
            if not _add_owner_of(error.option_name, own):
                raise
        except click.UsageError:
            return  # click reports it
    name = given.get(STRATEGY.name) or _strategy_in(given.get("config_file"))
    if isinstance(name, str) and name not in BUILT_IN.names():
        from ama_tui.strategies import registry

        if name in registry.names():
            strategy = registry.settings_for(name)
            _refuse_clashes(command, strategy)
            own.update({setting.name: _parameter(strategy, setting.name) for setting in strategy.own})


def _add_owner_of(option: str, own: dict[str | None, click.Parameter]) -> bool:
    """Add an option of a strategy that was not asked for: it is refused later, with the strategy's name."""
    from ama_tui.strategies import registry

    name = option.removeprefix("--").removeprefix("no-").replace("-", "_")
    for owner in registry.owners_of(name):
        if name not in own:
            own[name] = _parameter(registry.settings_for(owner), name)
            return True
    return False


def _strategy_in(config_file: object) -> object:
    """The strategy that a configuration file names. What is wrong with the file is reported when it is used."""
    if config_file is None:
        return None
    from ama_tui.config.config_file import read_config_text

    with suppress(ConfigError):
        return read_config_text(Path(str(config_file))).strategy
    return None


def _parameter(strategy: StrategySettings, name: str) -> click.Parameter:
    """The option of a strategy's own parameter, by its name."""
    setting = next(setting for setting in strategy.own if setting.name == name)
    command = setting_option(setting)(click.Command("", callback=None))
    return command.params[-1]


def _refuse_clashes(command: click.Command, strategy: StrategySettings) -> None:
    """Raises ConfigError if a strategy's parameter has the name of another option of the command."""
    packers = {setting.name for known in BUILT_IN.strategies for setting in known.own}
    others = {param.name for param in command.params} - packers
    clashes = sorted(setting.option for setting in strategy.own if setting.name in others)
    if clashes:
        text = f"the strategy {strategy.name} cannot be used here: {', '.join(clashes)} is an option of the command"
        raise ConfigError(text, "its package has to rename that parameter")
