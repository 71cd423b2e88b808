"""The TOML file that may give a run's settings."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
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


def read_config_file(path: Path) -> dict[str, object]:
    """The settings of a TOML file by key; parameters may also be in a table `[parameters]`.

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


def _known_keys(path: Path, pairs: list[tuple[str, object]]) -> dict[str, object]:
    settings: dict[str, object] = {}
    problems: list[str] = []
    for name, value in pairs:
        key = SPELLINGS.get(name)
        if key is None:
            close = difflib.get_close_matches(name, IN_CONFIG_FILE, n=1)
            problems.append(f"unknown key {shortened(name, 20)}" + (f" (did you mean {close[0]}?)" if close else ""))
        elif key in settings:
            problems.append(f"{key} is given twice")
        else:
            settings[key] = value
    if problems:
        raise ConfigError(f"config file {path}: " + "; ".join(problems), "valid keys are " + ", ".join(IN_CONFIG_FILE))
    return settings
