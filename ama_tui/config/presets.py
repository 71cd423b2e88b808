"""Presets: named sets of parameters. Three of the packer are built in, of other strategies their defaults; the operator
can save others.

Each saved preset is a TOML file in the user's configuration directory, and a valid `--config` file. A file that cannot
be used is reported in one line and skipped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ama_tui.config.config_file import read_config_text
from ama_tui.config.paths import DIRECTORY_MODE
from ama_tui.disk.atomic import replace_file
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.setting import is_number
from ama_tui.domain.settings import PACKER, STRATEGY
from ama_tui.domain.strategy_settings import StrategySettings

SUFFIX = ".toml"
LONGEST_NAME = 32
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_NAME - 1}}}")


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of parameters."""

    name: str
    parameters: Parameters
    is_own: bool = False
    """Whether the operator saved it; False for the built-in ones."""

    def applied_to(self, base: Parameters) -> Parameters:
        """Its parameters, with those of `base` that neither the form asks for nor it sets."""
        own = self.parameters
        if base.strategy != own.strategy:
            return own
        kept = {
            setting.name: base[setting.name]
            for setting in own.strategy.all
            if not setting.form_label and own[setting.name] == setting.default
        }
        return own.changed(**kept)


@dataclass(frozen=True, slots=True)
class Presets:
    """All presets of a strategy."""

    strategy: StrategySettings
    all: tuple[Preset, ...]
    """The built-in ones first."""
    problems: tuple[str, ...] = ()
    """A line for each file that cannot be used."""

    def of(self, parameters: Parameters) -> Preset | None:
        """The first preset that a form with these parameters matches."""
        asked = parameters.asked()
        return next((preset for preset in self.all if preset.parameters.asked() == asked), None)


BUILT_IN: tuple[Preset, ...] = (
    Preset(
        "cautious",
        Parameters.of(
            min_delay_ms=1000,
            max_delay_ms=4000,
            size_min=0.02,
            size_max=0.08,
            orders_per_side=3,
            max_utilization=0.10,
            min_distance_ticks=40,
            max_distance_ticks=240,
        ),
    ),
    Preset("standard", Parameters()),
    Preset(
        "deep",
        Parameters.of(
            size_min=0.05,
            size_max=0.40,
            orders_per_side=15,
            max_utilization=0.50,
            min_distance_ticks=10,
            max_distance_ticks=600,
        ),
    ),
)


def built_in(strategy: StrategySettings = PACKER) -> tuple[Preset, ...]:
    """The built-in presets of a strategy."""
    return BUILT_IN if strategy == PACKER else (Preset("standard", Parameters.of(strategy)),)


def own_directory() -> Path:
    """The directory of saved presets."""
    # Imported here because the first paint must not wait for it.
    from platformdirs import user_config_path

    return user_config_path("ama-tui", appauthor=False) / "presets"


def name_problem(name: str) -> str | None:
    """Why a saved preset cannot have this name, in one line, or None."""
    if not name:
        return "a preset needs a name"
    if _NAME.fullmatch(name) is None:
        return f"a preset's name must be lower-case letters, digits, - and _, at most {LONGEST_NAME}, no - or _ first"
    if any(preset.name == name for preset in BUILT_IN):
        return f"{name} is built in: choose another name"
    return None


def load_none(strategy: StrategySettings = PACKER) -> Presets:
    """A strategy's built-in presets only."""
    return Presets(strategy, built_in(strategy))


def load_presets(directory: Path, strategy: StrategySettings = PACKER) -> Presets:
    """A strategy's built-in presets, then its saved ones by name. Never raises: see `problems`."""
    own: list[Preset] = []
    problems: list[str] = []
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))
    except FileNotFoundError:
        files = []
    except OSError as error:
        return Presets(strategy, built_in(strategy), (f"presets in {directory} cannot be read ({error.strerror})",))
    for path in files:
        try:
            preset = _read(path, strategy)
        except ConfigError as error:
            problems.append(error.message)
        else:
            own += [] if preset is None else [preset]
    return Presets(strategy, (*built_in(strategy), *own), tuple(problems))


def save_preset(directory: Path, name: str, parameters: Parameters) -> Path:
    """Save a preset, replacing one of the same name. Returns its file, mode 0600.

    Raises ConfigError for an invalid name, and if the file cannot be written.
    """
    problem = name_problem(name)
    if problem is not None:
        raise ConfigError(problem, "for example: night-shift")
    path = directory / f"{name}{SUFFIX}"
    strategy, values = parameters.strategy, parameters.as_keys()
    lines = [] if strategy == PACKER else [f"{STRATEGY.key} = {json.dumps(strategy.name)}"]
    for setting in strategy.all:
        value = values[setting.key]
        if setting.form_label or value != setting.plain_default:
            lines.append(f"{setting.key} = {repr(value) if is_number(value) else json.dumps(value)}")
    try:
        directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        replace_file(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise ConfigError(
            f"preset {path} cannot be written ({error.strerror})", "check the directory's permissions"
        ) from error
    return path


def _read(path: Path, strategy: StrategySettings) -> Preset | None:
    """One preset file, None if it is for another strategy.

    Raises ConfigError, whose message names the file and fits on one line.
    """
    problem = name_problem(path.stem)
    if problem is not None:
        raise ConfigError(f"preset file {path.name}: {problem}")
    try:
        text = read_config_text(path)
        if (PACKER.name if text.strategy is None else text.strategy) != strategy.name:
            return None
        file = text.settings(strategy)
        known = {STRATEGY.key, *(setting.key for setting in strategy.all)}
        others = sorted(name for key, name in file.spellings.items() if key not in known)
        if others:
            raise ConfigError(f"{', '.join(others)} is not a parameter")
        parameters = Parameters.checked(
            file.values, strategy, lambda setting: file.spellings.get(setting.key, setting.key)
        )
        return Preset(path.stem, parameters, is_own=True)
    except ConfigError as error:
        reason = " ".join(error.message.removeprefix(f"config file {path}").lstrip(": ").split())
        raise ConfigError(f"preset file {path.name}: {reason}") from None
