"""The strategies by name: those of ama-tui, and those that other packages bring by the entry points of a group."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.settings import BUILT_IN, RUN_SETTINGS, SHARED
from ama_tui.domain.strategy_settings import StrategyList, StrategySettings
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.classic import CLASSIC
from ama_tui.strategies.declared import settings_of
from ama_tui.strategies.definition import StrategyDefinition
from ama_tui.strategies.packer import PACKER
from ama_tui.strategies.rebalance.plan import REBALANCE

GROUP = "ama_tui.strategies"
"""The entry-point group by which a package brings strategies."""

_BUILT_IN: dict[str, StrategyDefinition[Any, Any]] = {one.name: one for one in (PACKER, REBALANCE, CLASSIC)}


def names() -> tuple[str, ...]:
    """The names of all strategies, those of ama-tui first. Loads none."""
    return (*_BUILT_IN, *sorted(_brought()))


def is_built_in(name: str) -> bool:
    """Whether a strategy is part of ama-tui."""
    return name in _BUILT_IN


def package_of(name: str) -> str:
    """The package that brings a strategy, `ama-tui` for its own."""
    point = _brought().get(name)
    if point is None:
        return "ama-tui"
    return "unknown" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def settings_for(name: str) -> StrategySettings:
    """A strategy's parameters. Raises ParameterError for one that is unknown or cannot be loaded."""
    if name in BUILT_IN.names():
        return BUILT_IN.settings_for(name)
    return _settings_of(definition(name))


def owners_of(name: str) -> tuple[str, ...]:
    """The strategies with a parameter of this name or file key, without those that cannot be loaded. Loads them all."""
    owners: list[str] = []
    for strategy_name in names():
        with suppress(ParameterError):
            owners += StrategyList((settings_for(strategy_name),)).owners_of(name)
    return tuple(owners)


def definition(name: str) -> StrategyDefinition[Any, Any]:
    """The strategy with this name. Raises ParameterError for one that is unknown or cannot be loaded."""
    built_in = _BUILT_IN.get(name)
    if built_in is not None:
        return built_in
    brought = _brought().get(name)
    if brought is None:
        raise ParameterError(f"unknown strategy {name!r}", f"choose one of: {', '.join(names())}")
    return _loaded(brought)


def strategy(name: str, values: Mapping[str, object]) -> Strategy:
    """The strategy with this name and these values of its own parameters by file key; those of others are ignored.

    Raises ParameterError for an unknown name and for values that do not go together.
    """
    chosen = definition(name)
    fields = {setting.name: setting.read(values) for setting in settings_of(chosen.parameters)}
    try:
        return Strategy(chosen, chosen.parameters(**fields), is_built_in(name))
    except ValidationError as error:
        texts = [str(problem["msg"]).removeprefix("Value error, ") for problem in error.errors()]
        raise ParameterError(f"strategy {name}: {'; '.join(texts)}", "fix the values and try again") from None
    except Exception as error:
        if is_built_in(name):
            raise
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise ParameterError(f"strategy {name} failed with {line}", "update the package that has it") from None


@cache
def _settings_of(chosen: StrategyDefinition[Any, Any]) -> StrategySettings:
    """In the form, the strategy's own come first, each label's line where it is first used."""
    own = settings_of(chosen.parameters)
    labels = list(dict.fromkeys(setting.form_label for setting in own))
    own = tuple(replace(setting, form_line=1 + labels.index(setting.form_label)) for setting in own)
    shared = tuple(replace(setting, form_line=len(labels) + setting.form_line) for setting in SHARED)
    return StrategySettings(chosen.name, chosen.summary, shared, (*shared, *own), chosen.is_flat)


@cache
def _brought() -> Mapping[str, EntryPoint]:
    """The entry points of other packages by name. A built-in strategy's name cannot be taken."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in _BUILT_IN}


@cache
def _loaded(point: EntryPoint) -> StrategyDefinition[Any, Any]:
    """Raises ParameterError, in one line, whatever the package raises."""
    package = f" (package {point.dist.name})" if point.dist is not None else ""
    try:
        loaded = point.load()
        if not isinstance(loaded, StrategyDefinition):
            raise TypeError(f"{point.value} is a {type(loaded).__name__}, not a StrategyDefinition")
        if loaded.name != point.name:
            raise ValueError(f"it calls itself {loaded.name!r}")
        _check(_settings_of(loaded))
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "update the package or remove it"
        raise ParameterError(f"strategy {point.name}{package} cannot be loaded: {line}", hint) from None
    return loaded


def forget() -> None:
    """Look for packages again at the next question."""
    _brought.cache_clear()
    _loaded.cache_clear()


def _check(found: StrategySettings) -> None:
    """Raises ValueError if a strategy's own parameters take names of the run's."""
    taken = {spelling for setting in (*SHARED, *RUN_SETTINGS) for spelling in (setting.name, setting.key)}
    clashes = sorted(setting.name for setting in found.own if {setting.name, setting.key} & taken)
    if clashes:
        raise ValueError(f"{', '.join(clashes)} is a setting of every run")
