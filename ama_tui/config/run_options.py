"""The settings given on the command line, of the run and of any strategy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ama_tui.domain.setting import plain
from ama_tui.domain.settings import DRY_RUN, MARKET, RESUME, SETTLE_AFTER, STRATEGY, WALLETS


class RunOptions:
    """Typed values by the names of their settings. None and an empty tuple count as not given."""

    __slots__ = ("_values",)

    def __init__(self, **values: object) -> None:
        self._values = {name: value for name, value in values.items() if value is not None and value != ()}

    def given(self) -> Mapping[str, object]:
        """The values that were given, as files have them, by name."""
        return {name: plain(value) for name, value in self._values.items()}

    @property
    def wallets(self) -> int | None:
        return cast(int | None, self._values.get(WALLETS.name))

    @property
    def market(self) -> tuple[str, ...]:
        """By symbol or address."""
        return cast(tuple[str, ...], self._values.get(MARKET.name, ()))

    @property
    def resume(self) -> bool | None:
        return cast(bool | None, self._values.get(RESUME.name))

    @property
    def strategy(self) -> str | None:
        return cast(str | None, self._values.get(STRATEGY.name))

    @property
    def settle_after_s(self) -> float | None:
        return cast(float | None, self._values.get(SETTLE_AFTER.name))

    @property
    def dry_run(self) -> bool:
        return bool(self._values.get(DRY_RUN.name))
