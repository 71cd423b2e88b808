"""The TOML file that may give a run's settings."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.settings import SETTINGS
from ama_tui.domain.text import shortened

IN_CONFIG_FILE = tuple(setting.key for setting in SETTINGS if setting.in_config_file)
SPELLINGS: Mapping[str, str] = {
    spelling: setting.key for setting in SETTINGS if setting.in_config_file for spelling in (setting.key, setting.name)
}
"""The key for each spelling that a configuration file may use."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The settings of a configuration file, by key."""

    values: Mapping[str, object] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    """How the file writes each key: `max_utilization`."""


def read_config_file(path: Path) -> ConfigFile:
    """The settings of a TOML file; parameters may also be in a table `[parameters]`.

    Raises ConfigError: not found, not TOML (with line and column), unknown or repeated keys (all named).
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
    return _known_keys(path, [*content.items(), *table.items()])


def _known_keys(path: Path, pairs: list[tuple[str, object]]) -> ConfigFile:
    values: dict[str, object] = {}
    spellings: dict[str, str] = {}
    problems: list[str] = []
    for name, value in pairs:
        key = SPELLINGS.get(name)
        if key is None:
            close = difflib.get_close_matches(name, IN_CONFIG_FILE, n=1)
            problems.append(f"unknown key {shortened(name, 20)}" + (f" (did you mean {close[0]}?)" if close else ""))
        elif key in values:
            other = spellings[key]
            problems.append(f"{other} is given twice" + (f", also as {name}" if name != other else ""))
        else:
            values[key], spellings[key] = value, name
    if problems:
        raise ConfigError(f"config file {path}: " + "; ".join(problems), "valid keys are " + ", ".join(IN_CONFIG_FILE))
    return ConfigFile(values, spellings)
