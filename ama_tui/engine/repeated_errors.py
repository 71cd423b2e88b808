"""Tells a lasting error from a new one, so that the same line does not fill the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

QUIET_S = 60.0
"""An error that has not occurred for this long is over. Longer than the longest back-off between two sends."""
MOST_ERRORS = 200
"""The most errors kept at a time: a venue that words each refusal differently must not fill the memory."""

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d[\d,.]*")


@dataclass(slots=True)
class _Series:
    """The occurrences of one error. Times are in seconds on one clock."""

    text: str
    began: float
    latest: float
    times: int = 0
    wallets: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        who = f" to {len(self.wallets)} wallets" if len(self.wallets) > 1 else ""
        return f"{self.text}: {self.times} times{who} in {self.latest - self.began:.0f} s"


@dataclass(slots=True)
class RepeatedErrors:
    """The errors of the last minute, whatever wallet, price or order they name."""

    _series: dict[str, _Series] = field(default_factory=dict)

    def is_new(self, text: str, wallet: str, now: float) -> bool:
        """Note an error. True unless the same one occurred within the last minute."""
        key = _NUMBER.sub("#", text)
        series = self._series.get(key)
        is_new = series is None or now - series.latest >= QUIET_S
        if series is None or is_new:
            series = self._series[key] = _Series(text, now, now)
            if len(self._series) > MOST_ERRORS:
                del self._series[next(iter(self._series))]
        series.latest = now
        series.times += 1
        series.wallets.add(wallet)
        return is_new

    def over(self, now: float) -> Iterator[str]:
        """Forget the errors that have not occurred for a minute, and describe those that occurred more than once."""
        for key, series in list(self._series.items()):
            if now - series.latest >= QUIET_S:
                del self._series[key]
                if series.times > 1:
                    yield f"{series}, none in the last minute"

    def lasting(self) -> Iterator[str]:
        """Describe the errors that occurred more than once and may not be over."""
        return (str(series) for series in self._series.values() if series.times > 1)
