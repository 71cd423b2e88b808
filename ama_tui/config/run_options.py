"""The run options of the command line, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ama_tui.domain.plan import CollateralBasis, Rules
from ama_tui.domain.setting import plain
from ama_tui.domain.settings import SETTINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """A value for each setting, None where the command line gives none."""

    min_delay_ms: int | None = None
    max_delay_ms: int | None = None
    size_min: float | None = None
    size_max: float | None = None
    orders_per_side: int | None = None
    max_utilization: float | None = None
    min_distance_ticks: int | None = None
    max_distance_ticks: int | None = None
    wallets: int | None = None
    market: str | None = None
    resume: bool | None = None
    strategy: str | None = None
    rules: Rules | None = None
    basis: CollateralBasis | None = None
    cancel_on_stop: bool | None = None
    settle_after_s: float | None = None
    cycle_gap_ms: int | None = None
    price_band_percent: float | None = None
    takers: float | None = None
    taker_budget: float | None = None
    taker_size_max: float | None = None
    taker_slippage_ticks: int | None = None
    session_hours: float | None = None
    session_caps: bool | None = None
    renew_revoked: bool | None = None
    confirm_quit: bool | None = None
    dry_run: bool | None = None

    def given(self) -> Mapping[str, object]:
        """The values that were given, by file key."""
        values = {setting.key: plain(getattr(self, setting.name)) for setting in SETTINGS}
        return {key: value for key, value in values.items() if value is not None}
