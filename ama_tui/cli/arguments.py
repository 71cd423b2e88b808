"""The command line of a run as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ama_tui.config.run_options import RunOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was given on the command line of a run. A command without an option has its default."""

    run: RunOptions = field(default_factory=RunOptions)
    csv: Path | None = None
    insecure_permissions: bool = False
    state_dir: Path | None = None
    config_file: Path | None = None
    ask: bool = True
    """Whether the dashboard starts with the choice of a market."""
    insecure_http: bool = False
    allow_debug: bool = False
    headless: bool = False
    until: str | None = None
    within: float = 600.0
    """Timeout for `--until packed`, in seconds."""
    as_json: bool = False
    profile: Path | None = None
    """File that says afterwards where the run's time went."""
    block_time: float = 1.0
    """Seconds between blocks of the demo's venue."""
    seed: int = 1
    node: str = "embedded"
    chaos: bool = False

    @property
    def is_headless(self) -> bool:
        """Whether an option asks for a run without the dashboard."""
        return self.headless or self.as_json or self.until is not None or bool(self.run.dry_run)


def arguments_of(options: Mapping[str, Any]) -> Arguments:
    """The typed values of click's options. What is not one of the arguments is a setting."""
    names = {each.name for each in fields(Arguments)} & options.keys()
    run = RunOptions(**{name: value for name, value in options.items() if name not in names})
    return Arguments(run=run, **{name: options[name] for name in names})
