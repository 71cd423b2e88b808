"""Rate limits as the operator sees them: reported when one begins and when it ends, with its cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from ama_tui.engine.rate_limit_watch import QUIET_S, RateLimitWatch
from ama_tui.venue.http import HttpStats


@dataclass
class Bench:
    """A watch over two hosts, with a clock that the test moves."""

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


def test_limit_is_reported_once_at_its_beginning_and_once_at_its_end() -> None:
    bench = Bench()
    for _ in range(94):
        bench.refuse(bench.venue, 12.0)
        bench.later(0.1)
    assert bench.heard == ["the venue limits requests: waiting 12 s"]
    bench.later(11.0)
    assert len(bench.heard) == 1
    bench.later(1.0 + QUIET_S)
    assert bench.heard[1:] == ["the venue's rate limit is over after 21 s (94 requests refused)"]
    bench.later(60.0)
    assert len(bench.heard) == 2


def test_venues_limit_is_not_over_while_it_holds_orders_back() -> None:
    bench = Bench()
    bench.refuse(bench.venue, 2.0)
    for _ in range(60):
        bench.later(1.0)
        bench.held_at = bench.now
    assert len(bench.heard) == 1
    bench.later(QUIET_S)
    assert bench.heard[1:] == ["the venue's rate limit is over after 60 s (1 request refused)"]


def test_limit_without_a_retry_after_is_reported_without_seconds() -> None:
    bench = Bench()
    bench.refuse(bench.node)
    (wait,) = bench.watch.waits()
    assert bench.heard == ["the node limits requests: sending fewer"]
    assert wait.text(wait.left_s) == "waiting for the node's rate limit"


def test_wait_counts_down_and_disappears_at_the_end() -> None:
    bench = Bench()
    bench.refuse(bench.venue, 12.0)
    bench.later(4.0)
    (wait,) = bench.watch.waits()
    assert (wait.host, wait.refused, wait.asked_s, wait.left_s) == ("venue", 1, 12.0, 8.0)
    assert wait.text(wait.left_s) == "waiting for the venue's rate limit (8 s)"
    bench.later(8.0 + QUIET_S)
    assert bench.watch.waits() == ()


def test_two_hosts_are_tracked_separately_and_their_limits_add_up() -> None:
    bench = Bench()
    assert bench.watch.totals() == {}
    for _ in range(2):
        bench.refuse(bench.venue, 10.0)
        bench.refuse(bench.node, 1.0)
        bench.later(30.0)
    assert bench.watch.totals() == {"venue": {"refused": 2, "seconds": 20.0}, "node": {"refused": 2, "seconds": 2.0}}
    assert len(bench.heard) == 8


def test_refusals_before_the_run_do_not_count() -> None:
    stats = HttpStats(rate_limited=7)
    heard: list[str] = []
    watch = RateLimitWatch({"venue": stats}, heard.append, lambda: 1.0)
    watch.look()
    assert (heard, watch.totals()) == ([], {})
