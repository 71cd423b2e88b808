"""Which hosts limit our requests, and since when: reported once when it begins and once when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ama_tui.domain.event import RateLimitWait
from ama_tui.venue.http import HttpStats

QUIET_S = 5.0
"""A rate limit is over after this many seconds of requests without a refusal."""


VENUE = "venue"


def _never() -> float:
    return float("-inf")


@dataclass(slots=True)
class _Host:
    name: str
    stats: HttpStats
    held_at: Callable[[], float]
    seen: int = 0
    """Refusals noticed so far."""
    began: float = 0.0
    """When the present limit began; 0 without one."""
    refused_at: float = 0.0
    refused: int = 0
    """Refusals of the present limit."""
    past_refused: int = 0
    past_s: float = 0.0

    def effective_until(self) -> float:
        """Until when the present limit had an effect, as far as it is known."""
        return max(self.refused_at, self.stats.closed_until, self.held_at())

    def lasted(self, now: float) -> float:
        """Seconds of the present limit so far, without the quiet time after it."""
        return max(0.0, min(now, self.effective_until()) - self.began) if self.began else 0.0


@dataclass(slots=True)
class RateLimitWatch:
    """Looks at the refusals that the connections count. `note` reports to log and journal."""

    connections: Mapping[str, HttpStats]
    note: Callable[[str], None]
    clock: Callable[[], float]
    held_at: Callable[[], float] = _never
    """When the venue's limit last held back an order: it is not over while orders wait for it."""
    _hosts: list[_Host] = field(init=False)

    def __post_init__(self) -> None:
        self._hosts = [
            _Host(name, stats, self.held_at if name == VENUE else _never, stats.rate_limited)
            for name, stats in self.connections.items()
        ]

    def look(self) -> None:
        """Notice new refusals, and limits that are over."""
        now = self.clock()
        for host in self._hosts:
            if host.stats.rate_limited > host.seen:
                self._refused(host, now)
            elif host.began and now >= host.effective_until() + QUIET_S:
                self._over(host, now)

    def waits(self) -> tuple[RateLimitWait, ...]:
        """The hosts that limit requests now."""
        now = self.clock()
        return tuple(
            RateLimitWait(host.name, host.refused, host.stats.asked_s, max(0.0, host.stats.closed_until - now))
            for host in self._hosts
            if host.began
        )

    def totals(self) -> dict[str, dict[str, object]]:
        """Refused requests and seconds waited by host, for the summary; only hosts that limited requests."""
        now = self.clock()
        return {
            host.name: {
                "refused": host.past_refused + host.refused,
                "seconds": round(host.past_s + host.lasted(now), 3),
            }
            for host in self._hosts
            if host.past_refused or host.refused
        }

    def _refused(self, host: _Host, now: float) -> None:
        is_first = not host.began
        host.began = host.began or now
        host.refused += host.stats.rate_limited - host.seen
        host.seen, host.refused_at = host.stats.rate_limited, now
        if is_first:
            self.note(f"the {host.name} limits requests: {_pace(host.stats.asked_s)}")

    def _over(self, host: _Host, now: float) -> None:
        seconds = host.lasted(now)
        host.past_refused, host.past_s = host.past_refused + host.refused, host.past_s + seconds
        requests = "1 request" if host.refused == 1 else f"{host.refused} requests"
        self.note(f"the {host.name}'s rate limit is over after {seconds:.0f} s ({requests} refused)")
        host.began, host.refused = 0.0, 0


def _pace(seconds: float) -> str:
    return f"waiting {seconds:.0f} s" if seconds >= 1 else "sending fewer"
