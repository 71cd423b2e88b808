"""A run's configuration: command line, then the TOML file, then the checkpoint, then defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ama_tui.config.config_file import ConfigFile, read_config_text
from ama_tui.config.price_sources import price_source_problem
from ama_tui.config.run_options import RunOptions
from ama_tui.domain import settings
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.money import amount18_from_ui, price6_from_ui
from ama_tui.domain.parameters import STRATEGY_PARAMETERS, Parameters, range_problem
from ama_tui.domain.plan import AnchorSource, CollateralBasis, RunLimits, TakerLimits
from ama_tui.domain.setting import Setting, plain
from ama_tui.domain.settings import BUILT_IN, RUN_SETTINGS, STRATEGY, settings_with
from ama_tui.domain.strategy_settings import StrategyCatalogue, StrategySettings, foreign_problem
from ama_tui.domain.text import shortened

RESCUE = ", with an option in place of a stored value, or with --fresh"
"""What helps where the checkpoint stores a value that is not allowed."""


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
    basis: CollateralBasis = settings.COLLATERAL.default
    wallets: int = settings.WALLETS.default
    """How many wallets of the wallets file to use."""
    market: tuple[str, ...] = settings.MARKET.default
    """Symbols or order books' addresses; none leaves it to the operator."""
    weights: tuple[str, ...] = settings.WEIGHTS.default
    """How the markets share each wallet's collateral, `ETH-USD=3`."""
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
    anchor: AnchorSource = settings.ANCHOR.default
    price_sources: tuple[str, ...] = settings.PRICE_SOURCES.default
    """Where prices outside the venue are, as `URL#json.path`."""
    price_max_age_s: float = settings.PRICE_MAX_AGE.default
    takers: float = settings.TAKERS.default
    """The share of the wallets that take instead of make."""
    taker_budget: float = settings.TAKER_BUDGET.default
    """The most that each taker trades in an hour, in USDC."""
    taker_size_max: float = settings.TAKER_SIZE_MAX.default
    taker_slippage_ticks: int = settings.TAKER_SLIPPAGE.default
    session_hours: float = settings.SESSION_HOURS.default
    session_caps: bool = settings.SESSION_CAPS.default
    """Whether new sessions are limited in what they may trade."""
    shared_session: bool = settings.SHARED_SESSION.default
    """Whether one session per wallet names all markets of the run."""
    confirm_quit: bool = settings.CONFIRM_QUIT.default
    """Whether the dashboard asks before it quits while orders rest."""
    renew_revoked: bool = settings.RENEW_REVOKED.default
    """Whether revoked sessions are recreated."""

    @property
    def limits(self) -> RunLimits:
        """What every strategy keeps to."""
        return RunLimits(self.parameters.max_utilization, self.basis)

    @property
    def strategy(self) -> str:
        """The name of the strategy."""
        return self.parameters.strategy.name

    @property
    def taker_limits(self) -> TakerLimits:
        """What takers may do; nothing if there are none."""
        if not self.takers:
            return TakerLimits()
        size_max18, budget6 = amount18_from_ui(self.taker_size_max), price6_from_ui(self.taker_budget) or 0
        return TakerLimits(size_max18, budget6, self.taker_slippage_ticks)

    def stored_settings(self) -> dict[str, object]:
        """What the checkpoint keeps in addition to the parameters, by file key."""
        return {setting.key: plain(getattr(self, setting.name)) for setting in RUN_SETTINGS if setting.in_checkpoint}


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
    """The parameters of the form that a resumed checkpoint does not store (the original tool stores four of eight)."""

    @property
    def parameters(self) -> Parameters:
        return self.run.parameters

    def called(self, name: str) -> str:
        """What a setting, by its name in `Parameters`, is called where its value came from."""
        return self.names[
            next(setting.key for setting in settings_with(self.run.parameters.strategy) if setting.name == name)
        ]


def resolve(
    options: RunOptions,
    toml_path: Path | None = None,
    checkpoint_config: Mapping[str, object] | None = None,
    *,
    strategies: StrategyCatalogue = BUILT_IN,
    form: Mapping[str, object] | None = None,
) -> Resolved:
    """Give every setting its value: of the form, else the options, the TOML file, the checkpoint, the default.

    `form` has the values of the set-up form by file key; where it agrees with the others, the others count as origin.
    Raises ConfigError for a file that cannot be read and for unknown keys, ParameterError (a ConfigError) for values
    out of range, for a strategy that is not installed, and for settings of another one; each names everything wrong at
    once, as its origin calls it.
    """
    text = None if toml_path is None else read_config_text(toml_path)
    strategy = _strategy(options, None if text is None else text.strategy, checkpoint_config or {}, strategies)
    every = settings_with(strategy)
    stored = stored_values(checkpoint_config or {}, strategy)
    file = ConfigFile() if text is None else text.settings(strategy, strategies)
    layers: list[tuple[Origin, Mapping[str, object]]] = [
        (Origin.DEFAULT, {setting.key: setting.plain_default for setting in every}),
        (Origin.CHECKPOINT, stored),
        (Origin.CONFIG_FILE, file.values),
        (Origin.OPTION, _options(options, strategy, strategies)),
    ]
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for origin, layer in layers:
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    changed = {key: value for key, value in (form or {}).items() if value != values[key]}
    values.update(changed)
    origins.update(dict.fromkeys(changed, Origin.FORM))
    names = {setting.key: _name(setting, origins[setting.key], file, is_form=form is not None) for setting in every}
    problems = _problems(values, origins, names, strategy)
    if problems:
        is_stored = Origin.CHECKPOINT in (origins[key] for key in stored)
        raise ParameterError("; ".join(problems), "fix the values and try again" + (RESCUE if is_stored else ""))
    return Resolved(
        run=_run_config(values, strategy),
        origins=origins,
        names=names,
        differences=tuple(
            Difference(key, stored[key], values[key], names[key]) for key in stored if stored[key] != values[key]
        ),
        missing_in_checkpoint=()
        if checkpoint_config is None
        else tuple(setting.key for setting in strategy.asked if setting.key not in stored),
    )


def stored_parameters(config: Mapping[str, object], strategies: StrategyCatalogue) -> tuple[Parameters, frozenset[str]]:
    """The parameters that a checkpoint stores, over the defaults, and the file keys of those that it does store.

    Raises ParameterError for a strategy that is not installed and for values out of range.
    """
    strategy = _strategy(RunOptions(), None, config, strategies)
    stored = stored_values(config, strategy)
    values = {setting.key: stored[setting.key] for setting in strategy.all if setting.key in stored}
    return Parameters.checked(values, strategy), frozenset(values)


def stored_values(config: Mapping[str, object], strategy: StrategySettings) -> dict[str, object]:
    """The settings that a checkpoint stores for a run with this strategy, by file key.

    The packer's own are beside the others, as in the original tool; other strategies have a key of their own.
    """
    own = config
    if not strategy.is_flat:
        by_strategy = config.get(STRATEGY_PARAMETERS)
        found = by_strategy.get(strategy.name) if isinstance(by_strategy, Mapping) else None
        own = found if isinstance(found, Mapping) else {}
    stored: dict[str, object] = {}
    for setting in settings_with(strategy):
        value = (own if setting in strategy.own else config).get(setting.key)
        if setting.in_checkpoint and value is not None:
            stored[setting.key] = value
    return stored


def _strategy(
    options: RunOptions, in_file: object, config: Mapping[str, object], strategies: StrategyCatalogue
) -> StrategySettings:
    """The strategy that a run is asked for. Raises ParameterError."""
    stored = config.get(STRATEGY.key)
    name: object
    if options.strategy is not None:
        name, called, origin = options.strategy, STRATEGY.short_option, Origin.OPTION
    elif in_file is not None:
        name, called, origin = in_file, STRATEGY.key, Origin.CONFIG_FILE
    elif stored is not None:
        name, called, origin = stored, STRATEGY.key, Origin.CHECKPOINT
    else:
        return strategies.settings_for(STRATEGY.default)
    if not isinstance(name, str) or name not in strategies.names():
        text = f"{called} is {shortened(str(name), 40)!r}, which is not installed ({origin.value})"
        hint = f"installed are {', '.join(strategies.names())}"
        if origin is Origin.CHECKPOINT:
            hint = "install the package that has it, or start over with --fresh"
        raise ParameterError(text, hint)
    if stored is not None and name != stored:
        text = f"{called} is {name}, but the saved run uses the strategy {stored}"
        raise ParameterError(text, f"resume it with --strategy {stored}, or start over with --fresh")
    return strategies.settings_for(name)


def _options(options: RunOptions, strategy: StrategySettings, strategies: StrategyCatalogue) -> dict[str, object]:
    """The values of the options by file key. Raises ParameterError for options of other strategies."""
    keys = {setting.name: setting.key for setting in settings_with(strategy)}
    given = options.given()
    foreign = []
    for name in given.keys() - keys.keys():
        owners = strategies.owners_of(name)
        if not owners:
            raise TypeError(f"there is no setting {name}")
        foreign.append(foreign_problem(f"--{name.replace('_', '-')}", owners, strategy.name))
    if foreign:
        raise ParameterError("; ".join(sorted(foreign)), "leave it out, or choose such a strategy with --strategy")
    return {keys[name]: value for name, value in given.items()}


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
    strategy: StrategySettings,
) -> list[str]:
    """Everything that is wrong with the values, one line each."""
    problems: list[str] = []
    for setting in settings_with(strategy):
        if setting is STRATEGY:
            continue
        problem = setting.problem(values[setting.key], names[setting.key])
        if problem is not None:
            problems.append(f"{problem} ({origins[setting.key].value})")
    problems += _price_source_problems(values, names)
    for lower, upper in strategy.ranges:
        problem = range_problem(lower, upper, values, names[lower.key], names[upper.key])
        if problem is not None:
            problems.append(f"{problem} ({origins[lower.key].value}, {origins[upper.key].value})")
    return problems


def _price_source_problems(values: Mapping[str, object], names: Mapping[str, str]) -> list[str]:
    """What is wrong with the price sources, or with their being there or not. A URL is never repeated."""
    sources, name = values[settings.PRICE_SOURCES.key], names[settings.PRICE_SOURCES.key]
    is_external = values[settings.ANCHOR.key] == AnchorSource.EXTERNAL.value
    if not isinstance(sources, list | tuple):
        return []
    if is_external and not sources:
        return [f"{names[settings.ANCHOR.key]} is external, which needs {settings.PRICE_SOURCES.short_option}"]
    if sources and not is_external:
        return [f"{name} needs {settings.ANCHOR.short_option} external"]
    texts = [text for text in sources if isinstance(text, str)]
    return [f"{name} {problem}" for problem in map(price_source_problem, texts) if problem is not None]


def _run_config(values: Mapping[str, object], strategy: StrategySettings) -> RunConfig:
    """The configuration of values that have been checked."""
    parameters = Parameters.checked({setting.key: values[setting.key] for setting in strategy.all}, strategy)
    others = {setting.name: setting.read(values) for setting in RUN_SETTINGS if setting is not STRATEGY}
    return RunConfig(parameters, **others)
