"""Presets: named sets of the eight parameters. Three are built in; the operator can save others.

Each saved preset is a TOML file in the user's configuration directory, and a valid `--config` file. A file that cannot
be used is reported in one line and skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ama_tui.config.config_file import read_config_file
from ama_tui.config.paths import DIRECTORY_MODE
from ama_tui.disk.atomic import replace_file
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.settings import PARAMETER_BY_KEY

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


@dataclass(frozen=True, slots=True)
class Presets:
    """All presets."""

    all: tuple[Preset, ...]
    """The built-in ones first."""
    problems: tuple[str, ...] = ()
    """A line for each file that cannot be used."""

    def of(self, parameters: Parameters) -> Preset | None:
        """The first preset with exactly these parameters."""
        return next((preset for preset in self.all if preset.parameters == parameters), None)


BUILT_IN: tuple[Preset, ...] = (
    Preset(
        "cautious",
        Parameters(
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
        Parameters(
            size_min=0.05,
            size_max=0.40,
            orders_per_side=15,
            max_utilization=0.50,
            min_distance_ticks=10,
            max_distance_ticks=600,
        ),
    ),
)


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


def load_presets(directory: Path) -> Presets:
    """The built-in presets, then the saved ones by name. Never raises: see `problems`."""
    own: list[Preset] = []
    problems: list[str] = []
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))
    except FileNotFoundError:
        files = []
    except OSError as error:
        return Presets(BUILT_IN, (f"presets in {directory} cannot be read ({error.strerror})",))
    for path in files:
        try:
            own.append(_read(path))
        except ConfigError as error:
            problems.append(error.message)
    return Presets((*BUILT_IN, *own), tuple(problems))


def save_preset(directory: Path, name: str, parameters: Parameters) -> Path:
    """Save a preset, replacing one of the same name. Returns its file, mode 0600.

    Raises ConfigError for an invalid name, and if the file cannot be written.
    """
    problem = name_problem(name)
    if problem is not None:
        raise ConfigError(problem, "for example: night-shift")
    path = directory / f"{name}{SUFFIX}"
    lines = [f"{key} = {value!r}" for key, value in parameters.as_keys().items()]
    try:
        directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        replace_file(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise ConfigError(
            f"preset {path} cannot be written ({error.strerror})", "check the directory's permissions"
        ) from error
    return path


def _read(path: Path) -> Preset:
    """One preset file. Raises ConfigError, whose message names the file and fits on one line."""
    problem = name_problem(path.stem)
    if problem is not None:
        raise ConfigError(f"preset file {path.name}: {problem}")
    try:
        file = read_config_file(path)
        others = sorted(name for key, name in file.spellings.items() if key not in PARAMETER_BY_KEY)
        if others:
            raise ConfigError(f"{', '.join(others)} is not a parameter")
        parameters = Parameters.checked(file.values, lambda setting: file.spellings.get(setting.key, setting.key))
        return Preset(path.stem, parameters, is_own=True)
    except ConfigError as error:
        reason = " ".join(error.message.removeprefix(f"config file {path}").lstrip(": ").split())
        raise ConfigError(f"preset file {path.name}: {reason}") from None
