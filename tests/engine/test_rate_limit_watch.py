"""Rate limits as the operator hears of them: once when one begins, once when it ends, and how much it cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from ama_tui.engine.rate_limit_watch import QUIET_S, RateLimitWatch
from ama_tui.venue.http import HttpStats


@dataclass
class Desk:
    """A watch over two hosts, with a clock that a test moves."""

    now: float = 100.0
    heard: list[str] = field(default_factory=list)
    venue: HttpStats = field(default_factory=HttpStats)
    node: HttpStats = field(default_factory=HttpStats)
    held_at: float = float("-inf")
    watch: RateLimitWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = RateLimitWatch(
            {"venue": self.venue, "node": self.node}, self.heard.append, lambda: self.now, lambda: self.held_at
        )

    def refuse(self, stats: HttpStats, seconds: float = 0.0) -> None:
        stats.rate_limited += 1
        stats.asked_s = seconds
        stats.closed_until = max(stats.closed_until, self.now + seconds)
        self.watch.look()

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.watch.look()


def test_limit_is_reported_once_when_it_begins_and_once_when_it_ends() -> None:
    desk = Desk()
    for _ in range(94):
        desk.refuse(desk.venue, 12.0)
        desk.later(0.1)
    assert desk.heard == ["the venue limits requests: waiting 12 s"]
    desk.later(11.0)
    assert len(desk.heard) == 1
    desk.later(1.0 + QUIET_S)
    assert desk.heard[1:] == ["the venue's rate limit is over after 21 s (94 requests refused)"]
    desk.later(60.0)
    assert len(desk.heard) == 2


def test_venues_limit_is_not_over_while_it_holds_orders_back() -> None:
    desk = Desk()
    desk.refuse(desk.venue, 2.0)
    for _ in range(60):
        desk.later(1.0)
        desk.held_at = desk.now
    assert len(desk.heard) == 1
    desk.later(QUIET_S)
    assert desk.heard[1:] == ["the venue's rate limit is over after 60 s (1 request refused)"]


def test_limit_without_a_named_time_says_so_and_shows_no_seconds() -> None:
    desk = Desk()
    desk.refuse(desk.node)
    (wait,) = desk.watch.waits()
    assert desk.heard == ["the node limits requests: sending fewer"]
    assert wait.text(wait.left_s) == "waiting for the node's rate limit"


def test_wait_counts_down_and_is_gone_at_the_end() -> None:
    desk = Desk()
    desk.refuse(desk.venue, 12.0)
    desk.later(4.0)
    (wait,) = desk.watch.waits()
    assert (wait.host, wait.refused, wait.asked_s, wait.left_s) == ("venue", 1, 12.0, 8.0)
    assert wait.text(wait.left_s) == "waiting for the venue's rate limit (8 s)"
    desk.later(8.0 + QUIET_S)
    assert desk.watch.waits() == ()


def test_two_hosts_are_told_apart_and_limits_add_up() -> None:
    desk = Desk()
    assert desk.watch.totals() == {}
    for _ in range(2):
        desk.refuse(desk.venue, 10.0)
        desk.refuse(desk.node, 1.0)
        desk.later(30.0)
    assert desk.watch.totals() == {"venue": {"refused": 2, "seconds": 20.0}, "node": {"refused": 2, "seconds": 2.0}}
    assert len(desk.heard) == 8


def test_refusals_before_the_run_are_not_its_own() -> None:
    stats = HttpStats(rate_limited=7)
    heard: list[str] = []
    watch = RateLimitWatch({"venue": stats}, heard.append, lambda: 1.0)
    watch.look()
    assert (heard, watch.totals()) == ([], {})
