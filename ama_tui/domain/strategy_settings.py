"""Which parameters a strategy has: the run's, which every strategy has, and its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.setting import Setting


@dataclass(frozen=True, slots=True)
class StrategySettings:
    """The parameters of runs with a strategy."""

    name: str
    summary: str
    """What the strategy does, in one line without a full stop."""
    shared: tuple[Setting[Any], ...]
    """The run's: every strategy has them."""
    all: tuple[Setting[Any], ...]
    """With the shared ones, in the order of files."""
    is_flat: bool = False
    """Whether a checkpoint has its own parameters beside the run's, as the original tool does, and not under a key of
    their own.
    """

    @property
    def own(self) -> tuple[Setting[Any], ...]:
        """Those that only this strategy has."""
        return tuple(setting for setting in self.all if setting not in self.shared)

    @property
    def asked(self) -> tuple[Setting[Any], ...]:
        """Those that the set-up form asks for."""
        return tuple(setting for setting in self.all if setting.form_label)

    @property
    def ranges(self) -> tuple[tuple[Setting[Any], Setting[Any]], ...]:
        """The two ends of each range: settings that share a line of the form."""
        return tuple((line[0], line[1]) for line in lines_of(self.all) if len(line) == 2)


def lines_of(settings: tuple[Setting[Any], ...]) -> tuple[tuple[Setting[Any], ...], ...]:
    """The lines of a form with these settings: each has one setting, or the two ends of a range."""
    asked = sorted((setting for setting in settings if setting.form_label), key=lambda setting: setting.form_line)
    return tuple(tuple(line) for _, line in groupby(asked, key=lambda setting: setting.form_label))


def foreign_problem(setting: str, owners: tuple[str, ...], strategy: str) -> str:
    """Why a setting cannot be used: it is one of these strategies, not of the one in use."""
    if len(owners) == 1:
        return f"{setting} is for the strategy {owners[0]}, not {strategy}"
    return f"{setting} is for the strategies {', '.join(owners[:-1])} and {owners[-1]}, not {strategy}"


class StrategyCatalogue(Protocol):
    """The strategies that are installed."""

    def names(self) -> tuple[str, ...]:
        """Their names, without loading any."""

    def settings_for(self, name: str) -> StrategySettings:
        """A strategy's parameters. Raises ParameterError for one that is unknown or cannot be loaded."""

    def owners_of(self, name: str) -> tuple[str, ...]:
        """The strategies with a parameter of this name or file key. Loads them all."""


@dataclass(frozen=True, slots=True)
class StrategyList:
    """A catalogue of a few strategies."""

    strategies: tuple[StrategySettings, ...]

    def names(self) -> tuple[str, ...]:
        return tuple(strategy.name for strategy in self.strategies)

    def settings_for(self, name: str) -> StrategySettings:
        for strategy in self.strategies:
            if strategy.name == name:
                return strategy
        raise ParameterError(f"unknown strategy {name!r}", f"choose one of: {', '.join(self.names())}")

    def owners_of(self, name: str) -> tuple[str, ...]:
        return tuple(
            strategy.name
            for strategy in self.strategies
            if any(name in (setting.name, setting.key) for setting in strategy.own)
        )
