"""A run's configuration: command line, then the TOML file, then the checkpoint, then defaults."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ama_tui.config.settings import (
    DEFAULT_SESSION_HOURS,
    DEFAULT_SETTLE_AFTER_S,
    DEFAULT_STRATEGY,
    DEFAULTS,
    IN_CHECKPOINT,
    LONGEST_SESSION_HOURS,
    OPTION_KEYS,
    SHORTEST_SESSION_HOURS,
    SPELLINGS,
    read_config_file,
)
from ama_tui.domain.errors import ConfigError, ParameterError
from ama_tui.domain.parameters import SPEC_BY_KEY, SPECS, Parameters
from ama_tui.domain.plan import CollateralBasis, Rules
from ama_tui.keys.wallet_key import DEFAULT_LIMIT

_INNER_CAPITAL = re.compile(r"(?<!^)[A-Z]")
"""Where a key's words part: `sessionHours` is `--session-hours`."""


class Origin(Enum):
    """Where a setting came from; the value is what the operator reads."""

    OPTION = "option"
    CONFIG_FILE = "config file"
    CHECKPOINT = "checkpoint"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that was asked of a run.

    `wallets` is how many rows of the wallets file to take, `market` a symbol or an order book's address,
    `resume` None when nobody said. `settle_after_s` is the venue's longest time, in seconds. New sessions last
    `session_hours` and, with `session_caps`, are limited in what they may trade; with `renew_revoked` those that
    somebody revoked are made anew.
    """

    parameters: Parameters = field(default_factory=Parameters)
    rules: Rules = Rules.EVEN
    basis: CollateralBasis = CollateralBasis.NET
    strategy: str = DEFAULT_STRATEGY
    wallets: int = DEFAULT_LIMIT
    market: str | None = None
    resume: bool | None = None
    dry_run: bool = False
    cancel_on_stop: bool = False
    settle_after_s: float = DEFAULT_SETTLE_AFTER_S
    session_hours: float = DEFAULT_SESSION_HOURS
    session_caps: bool = True
    renew_revoked: bool = False

    def stored_settings(self) -> dict[str, object]:
        """What the checkpoint keeps beside the eight parameters, by file key."""
        return {"strategy": self.strategy, "rules": self.rules.value, "collateral": self.basis.value}


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting whose value in use is not the one that the checkpoint stores."""

    key: str
    stored: object
    used: object


@dataclass(frozen=True, slots=True)
class Resolved:
    """The configuration and where it came from; keys are file keys (`minDelayMs`, `strategy`, ...).

    `missing_in_checkpoint` are the parameters that a resumed checkpoint does not store (the original tool
    stores four of the eight); empty when nothing is resumed.
    """

    run: RunConfig
    origins: Mapping[str, Origin]
    differences: tuple[Difference, ...] = ()
    missing_in_checkpoint: tuple[str, ...] = ()

    @property
    def parameters(self) -> Parameters:
        return self.run.parameters


def resolve(
    options: Mapping[str, object | None],
    toml_path: Path | None = None,
    checkpoint_config: Mapping[str, object] | None = None,
    *,
    strategies: Collection[str] = (DEFAULT_STRATEGY,),
) -> Resolved:
    """Settle every setting: `options` (None: not given), then the TOML file, the checkpoint, the defaults.

    Raises ConfigError for a file that cannot be read and for unknown keys, ParameterError (a ConfigError)
    for values out of range; each names everything wrong at once, with its origin.
    """
    asked = _by_key(options)
    layers: list[tuple[Origin, Mapping[str, object]]] = [
        (Origin.OPTION, {key: value for key, value in asked.items() if value is not None}),
        (Origin.CONFIG_FILE, {} if toml_path is None else read_config_file(toml_path)),
        (Origin.CHECKPOINT, _stored(checkpoint_config or {})),
    ]
    values = dict(DEFAULTS)
    origins = dict.fromkeys(values, Origin.DEFAULT)
    for origin, layer in reversed(layers):
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    run = _checked(values, origins, strategies)
    stored = layers[-1][1]
    return Resolved(
        run=run,
        origins=origins,
        differences=tuple(Difference(key, stored[key], values[key]) for key in stored if stored[key] != values[key]),
        missing_in_checkpoint=()
        if checkpoint_config is None
        else tuple(spec.key for spec in SPECS if spec.key not in stored),
    )


def _by_key(options: Mapping[str, object | None]) -> dict[str, object | None]:
    unknown = sorted(set(options) - OPTION_KEYS)
    if unknown:
        raise ConfigError(f"unknown options: {', '.join(unknown)}", f"known are {', '.join(sorted(OPTION_KEYS))}")
    return {SPELLINGS[name]: value.value if isinstance(value, Enum) else value for name, value in options.items()}


def _stored(config: Mapping[str, object]) -> dict[str, object]:
    return {key: config[key] for key in IN_CHECKPOINT if config.get(key) is not None}


def _checked(values: Mapping[str, object], origins: Mapping[str, Origin], strategies: Collection[str]) -> RunConfig:
    """The configuration of these values, or one error for everything that is wrong with them."""
    reader = _Reader(values, origins)
    run = RunConfig(
        parameters=reader.parameters(),
        rules=Rules(reader.choice("rules", [rules.value for rules in Rules])),
        basis=CollateralBasis(reader.choice("collateral", [basis.value for basis in CollateralBasis])),
        strategy=reader.choice("strategy", strategies),
        wallets=reader.count("wallets"),
        market=reader.text("market"),
        resume=reader.flag("resume"),
        dry_run=reader.flag("dryRun") or False,
        cancel_on_stop=reader.flag("cancelOnStop") or False,
        settle_after_s=reader.seconds("settleAfter"),
        session_hours=reader.hours("sessionHours"),
        session_caps=reader.flag("sessionCaps") is not False,
        renew_revoked=reader.flag("renewRevoked") or False,
    )
    if reader.problems:
        raise ParameterError("; ".join(reader.problems), "correct the values and start again")
    return run


class _Reader:
    """Typed values; what is wrong is noted in `problems` and read as the default."""

    def __init__(self, values: Mapping[str, object], origins: Mapping[str, Origin]) -> None:
        self._values = values
        self._origins = origins
        self.problems: list[str] = []

    def parameters(self) -> Parameters:
        try:
            return Parameters.checked({key: self._values[key] for key in SPEC_BY_KEY})
        except ParameterError as error:
            named = [key for key in SPEC_BY_KEY if key in error.message]
            where = ", ".join(f"{key}: {self._origins[key].value}" for key in named)
            self.problems.append(f"{error.message} ({where})")
            return Parameters()

    def choice(self, key: str, allowed: Collection[str]) -> str:
        value = self._values[key]
        if isinstance(value, str) and value in allowed:
            return value
        return str(self._wrong(key, f"must be {' or '.join(allowed)}"))

    def count(self, key: str) -> int:
        value = self._values[key]
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        self._wrong(key, "must be at least 1")
        return DEFAULT_LIMIT

    def text(self, key: str) -> str | None:
        value = self._values[key]
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self._wrong(key, "must be a text")
        return None

    def flag(self, key: str) -> bool | None:
        value = self._values[key]
        if value is None or isinstance(value, bool):
            return value
        self._wrong(key, "must be true or false")
        return None

    def seconds(self, key: str) -> float:
        value = self._values[key]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
            return float(value)
        self._wrong(key, "must be a number of seconds above 0")
        return DEFAULT_SETTLE_AFTER_S

    def hours(self, key: str) -> float:
        value = self._values[key]
        hours = value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
        if SHORTEST_SESSION_HOURS <= hours <= LONGEST_SESSION_HOURS:
            return float(hours)
        self._wrong(key, f"must be {SHORTEST_SESSION_HOURS:g}…{LONGEST_SESSION_HOURS:g} hours")
        return DEFAULT_SESSION_HOURS

    def _wrong(self, key: str, demand: str) -> object:
        origin = self._origins[key]
        name = "--" + _INNER_CAPITAL.sub(r"-\g<0>", key).lower() if origin is Origin.OPTION else key
        self.problems.append(f"{name} {demand} ({origin.value})")
        return DEFAULTS[key]
