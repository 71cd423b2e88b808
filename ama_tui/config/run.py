"""A run's configuration: command line, then the TOML file, then the checkpoint, then defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ama_tui.config.config_file import ConfigFile, read_config_file
from ama_tui.config.run_options import RunOptions
from ama_tui.domain import settings
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.money import amount18_from_ui, price6_from_ui
from ama_tui.domain.parameters import RANGES, Parameters, range_problem
from ama_tui.domain.plan import CollateralBasis, Rules, TakerLimits
from ama_tui.domain.setting import Setting, plain
from ama_tui.domain.settings import PARAMETERS, SETTINGS

RESCUE = ", with an option in place of a stored value, or with --fresh"
"""What helps where the checkpoint stores a value that is not allowed."""
_OTHERS = tuple(setting for setting in SETTINGS if setting not in PARAMETERS)


class Origin(Enum):
    """Where a setting came from, in the words of messages."""

    FORM = "form"
    OPTION = "option"
    CONFIG_FILE = "config file"
    CHECKPOINT = "checkpoint"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that was asked of a run; each field is a setting of its name."""

    parameters: Parameters = field(default_factory=Parameters)
    rules: Rules = settings.RULES.default
    basis: CollateralBasis = settings.COLLATERAL.default
    strategy: str = settings.STRATEGY.default
    wallets: int = settings.WALLETS.default
    """How many wallets of the wallets file to use."""
    market: str | None = settings.MARKET.default
    """A symbol or an order book's address."""
    resume: bool | None = settings.RESUME.default
    """None leaves it to whether there is a saved run."""
    dry_run: bool = settings.DRY_RUN.default
    cancel_on_stop: bool = settings.CANCEL_ON_STOP.default
    settle_after_s: float = settings.SETTLE_AFTER.default
    """The venue's longest time, in seconds."""
    cycle_gap_ms: int = settings.CYCLE_GAP.default
    """The least time between two cycles that new blocks start."""
    price_band_percent: float = settings.PRICE_BAND.default
    """How far the anchor may be from the vault's mark before nothing is placed."""
    takers: float = settings.TAKERS.default
    """The share of the wallets that take instead of make."""
    taker_budget: float = settings.TAKER_BUDGET.default
    """The most that each taker trades in an hour, in USDC."""
    taker_size_max: float = settings.TAKER_SIZE_MAX.default
    taker_slippage_ticks: int = settings.TAKER_SLIPPAGE.default
    session_hours: float = settings.SESSION_HOURS.default
    session_caps: bool = settings.SESSION_CAPS.default
    """Whether new sessions are limited in what they may trade."""
    confirm_quit: bool = settings.CONFIRM_QUIT.default
    """Whether the dashboard asks before it quits while orders rest."""
    renew_revoked: bool = settings.RENEW_REVOKED.default
    """Whether revoked sessions are recreated."""

    @property
    def taker_limits(self) -> TakerLimits:
        """What takers may do; nothing if there are none."""
        if not self.takers:
            return TakerLimits()
        size_max18, budget6 = amount18_from_ui(self.taker_size_max), price6_from_ui(self.taker_budget) or 0
        return TakerLimits(size_max18, budget6, self.taker_slippage_ticks)

    def stored_settings(self) -> dict[str, object]:
        """What the checkpoint keeps in addition to the eight parameters, by file key."""
        return {setting.key: plain(getattr(self, setting.name)) for setting in _OTHERS if setting.in_checkpoint}


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting whose value in use differs from the one in the checkpoint."""

    key: str
    stored: object
    used: object
    name: str
    """What the source of the value in use calls the setting."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The configuration and where it came from; keys are file keys (`minDelayMs`, `strategy`, ...)."""

    run: RunConfig
    origins: Mapping[str, Origin]
    names: Mapping[str, str]
    """What each setting is called where its value came from."""
    differences: tuple[Difference, ...] = ()
    missing_in_checkpoint: tuple[str, ...] = ()
    """The parameters that a resumed checkpoint does not store (the original tool stores four of the eight)."""

    @property
    def parameters(self) -> Parameters:
        return self.run.parameters


def resolve(
    options: RunOptions,
    toml_path: Path | None = None,
    checkpoint_config: Mapping[str, object] | None = None,
    *,
    strategies: Collection[str] = (settings.STRATEGY.default,),
    form: Mapping[str, object] | None = None,
) -> Resolved:
    """Give every setting its value: of the form, else the options, the TOML file, the checkpoint, the default.

    `form` has the values of the set-up form by file key; where it agrees with the others, the others count as origin.
    Raises ConfigError for a file that cannot be read and for unknown keys, ParameterError (a ConfigError)
    for values out of range; each names everything wrong at once, as its origin calls it.
    """
    stored = _stored(checkpoint_config or {})
    file = ConfigFile() if toml_path is None else read_config_file(toml_path)
    layers: list[tuple[Origin, Mapping[str, object]]] = [
        (Origin.DEFAULT, {setting.key: setting.plain_default for setting in SETTINGS}),
        (Origin.CHECKPOINT, stored),
        (Origin.CONFIG_FILE, file.values),
        (Origin.OPTION, options.given()),
    ]
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for origin, layer in layers:
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    changed = {key: value for key, value in (form or {}).items() if value != values[key]}
    values.update(changed)
    origins.update(dict.fromkeys(changed, Origin.FORM))
    names = {setting.key: _name(setting, origins[setting.key], file, is_form=form is not None) for setting in SETTINGS}
    problems = _problems(values, origins, names, strategies)
    if problems:
        is_stored = Origin.CHECKPOINT in (origins[key] for key in stored)
        raise ParameterError("; ".join(problems), "fix the values and try again" + (RESCUE if is_stored else ""))
    return Resolved(
        run=_run_config(values),
        origins=origins,
        names=names,
        differences=tuple(
            Difference(key, stored[key], values[key], names[key]) for key in stored if stored[key] != values[key]
        ),
        missing_in_checkpoint=()
        if checkpoint_config is None
        else tuple(setting.key for setting in PARAMETERS if setting.key not in stored),
    )


def _stored(config: Mapping[str, object]) -> dict[str, object]:
    """The settings that a checkpoint stores."""
    keys = (setting.key for setting in SETTINGS if setting.in_checkpoint)
    return {key: config[key] for key in keys if config.get(key) is not None}


def _name(setting: Setting[Any], origin: Origin, file: ConfigFile, *, is_form: bool) -> str:
    """What the operator calls a setting whose value came from there."""
    if origin is Origin.CONFIG_FILE:
        return file.spellings[setting.key]
    if origin is Origin.CHECKPOINT:
        return setting.key
    if setting.form_label and (origin is Origin.FORM or (origin is Origin.DEFAULT and is_form)):
        return setting.form_name
    return setting.short_option


def _problems(
    values: Mapping[str, object],
    origins: Mapping[str, Origin],
    names: Mapping[str, str],
    strategies: Collection[str],
) -> list[str]:
    """Everything that is wrong with the values, one line each."""
    problems: list[str] = []
    for setting in SETTINGS:
        problem = setting.problem(values[setting.key], names[setting.key], strategies)
        if problem is not None:
            problems.append(f"{problem} ({origins[setting.key].value})")
    for lower, upper in RANGES:
        problem = range_problem(lower, upper, values, names[lower.key], names[upper.key])
        if problem is not None:
            problems.append(f"{problem} ({origins[lower.key].value}, {origins[upper.key].value})")
    return problems


def _run_config(values: Mapping[str, object]) -> RunConfig:
    """The configuration of values that have been checked."""
    parameters = Parameters.checked({setting.key: values[setting.key] for setting in PARAMETERS})
    return RunConfig(parameters, **{setting.name: setting.read(values) for setting in _OTHERS})
