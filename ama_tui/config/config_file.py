"""The TOML file that may give a run's settings."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.setting import Setting
from ama_tui.domain.settings import BUILT_IN, STRATEGY, settings_with
from ama_tui.domain.strategy_settings import StrategyCatalogue, StrategySettings, foreign_problem
from ama_tui.domain.text import shortened


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The settings of a configuration file, by key."""

    values: Mapping[str, object] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    """How the file writes each key: `max_utilization`."""


@dataclass(frozen=True, slots=True)
class ConfigText:
    """A configuration file before it is known which strategy its settings are for."""

    path: Path
    pairs: tuple[tuple[str, object], ...]

    @property
    def strategy(self) -> object:
        """The strategy that it names, None if it names none."""
        return next((value for name, value in self.pairs if name == STRATEGY.key), None)

    def settings(self, strategy: StrategySettings, strategies: StrategyCatalogue = BUILT_IN) -> ConfigFile:
        """Its settings for a run with this strategy.

        Raises ConfigError for unknown or repeated keys and for those of other strategies (all named).
        """
        allowed = [setting for setting in settings_with(strategy) if setting.in_config_file]
        keys = {spelling: setting.key for setting in allowed for spelling in (setting.key, setting.name)}
        values: dict[str, object] = {}
        spellings: dict[str, str] = {}
        problems: list[str] = []
        for name, value in self.pairs:
            key = keys.get(name)
            if key is None:
                problems.append(_unknown(name, allowed, strategy.name, strategies))
            elif key in values:
                other = spellings[key]
                problems.append(f"{other} is given twice" + (f", also as {name}" if name != other else ""))
            else:
                values[key], spellings[key] = value, name
        if problems:
            hint = "the README lists the keys under Parameters, `ama-tui strategies --json` those of every strategy"
            raise ConfigError(f"config file {self.path}: " + "; ".join(problems), hint)
        return ConfigFile(values, spellings)


def read_config_text(path: Path) -> ConfigText:
    """The content of a TOML file; parameters may also be in a table `[parameters]`.

    Raises ConfigError: not found, not TOML (with line and column).
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"config file {path} not found", "correct --config, or leave it out") from None
    except OSError as error:
        raise ConfigError(f"config file {path} cannot be read ({error.strerror})", "check its permissions") from error
    except UnicodeDecodeError:
        raise ConfigError(f"config file {path} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config file {path} is not TOML: {error}", "correct that place") from None
    table = content.pop("parameters", {})
    if not isinstance(table, dict):
        raise ConfigError(f"config file {path}: parameters is not a table", "write [parameters] above them")
    return ConfigText(path, (*content.items(), *table.items()))


def _unknown(name: str, allowed: Sequence[Setting[Any]], strategy: str, strategies: StrategyCatalogue) -> str:
    """Why a key is not allowed."""
    owners = strategies.owners_of(name)
    if owners:
        return foreign_problem(name, owners, strategy)
    close = difflib.get_close_matches(name, [setting.key for setting in allowed], n=1)
    return f"unknown key {shortened(name, 20)}" + (f" (did you mean {close[0]}?)" if close else "")
