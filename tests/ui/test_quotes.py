"""Live quotes: only visible rows, four at a time, none too early, and no request storm under a rate limit."""

from __future__ import annotations

from ama_tui.domain.errors import RefusedError, UnreachableError
from ama_tui.domain.market import Quote
from ama_tui.ui.quotes import CONCURRENT_REQUESTS, FAILED_SECONDS, FRESH_SECONDS, LONGEST_WAIT, QuoteFeed, quote_text
from tests.ui.fakes import market, markets

LIST = markets(30)
QUOTE = Quote(2_499_900_000, 2_500_100_000, None, 2_500_000_000)
DEAD = UnreachableError("no answer", "")


def test_at_most_four_requests_run_at_once_and_each_market_once() -> None:
    feed = QuoteFeed()
    first = feed.due(LIST, 0.0)
    assert first == list(LIST[:CONCURRENT_REQUESTS])
    assert feed.due(LIST, 0.1) == []
    feed.arrived(first[1], QUOTE, 0.2)
    assert feed.due(LIST, 0.2) == [LIST[CONCURRENT_REQUESTS]]
    assert len(feed.pending) == CONCURRENT_REQUESTS


def test_only_visible_rows_are_requested() -> None:
    feed = QuoteFeed()
    assert feed.due(LIST[10:12], 0.0) == list(LIST[10:12])
    assert feed.due((), 100.0) == []


def test_quote_is_fresh_for_five_seconds() -> None:
    feed = QuoteFeed()
    (one,) = feed.due(LIST[:1], 0.0)
    feed.arrived(one, QUOTE, 1.0)
    assert feed.due(LIST[:1], 1.0 + FRESH_SECONDS - 0.01) == []
    assert feed.due(LIST[:1], 1.0 + FRESH_SECONDS) == [one]


def test_longest_waiting_markets_come_first() -> None:
    feed = QuoteFeed()
    for at, one in enumerate(LIST[:8]):
        feed.due([one], float(at))
        feed.arrived(one, QUOTE, float(8 - at))
    assert feed.due(LIST[:8], 100.0) == [LIST[7], LIST[6], LIST[5], LIST[4]]


def test_failing_market_waits_longer_each_time_and_keeps_its_last_quote() -> None:
    feed, now, waits = QuoteFeed(), 0.0, []
    feed.due(LIST[:1], now)
    feed.arrived(LIST[0], QUOTE, now)
    now += FRESH_SECONDS
    for _ in range(8):
        assert feed.due(LIST[:1], now) == [LIST[0]]
        feed.failed(LIST[0], DEAD, now)
        last = feed.result(LIST[0])
        assert last is not None
        waits.append(last.due_at - now)
        now = last.due_at
    assert waits[:3] == [FAILED_SECONDS, 2 * FAILED_SECONDS, 4 * FAILED_SECONDS]
    assert waits[-1] == LONGEST_WAIT
    assert last is not None
    assert last.quote == QUOTE
    assert (last.good_at, last.error) == (0.0, "no answer")


def test_nothing_is_requested_during_a_rate_limit() -> None:
    feed = QuoteFeed()
    one = feed.due(LIST, 0.0)[0]
    feed.failed(one, RefusedError("slow down", status=429, code="rate", retry_after=7.0, is_rate_limit=True), 1.0)
    assert feed.due(LIST, 7.9) == []
    assert feed.due(LIST, 8.0) == [LIST[CONCURRENT_REQUESTS]]


def test_cancelled_request_can_be_repeated_at_once() -> None:
    feed = QuoteFeed()
    one = feed.due(LIST[:1], 0.0)[0]
    feed.cancelled(one.address)
    assert feed.due(LIST[:1], 0.0) == [one]


def test_refresh_requests_good_quotes_again_but_not_failing_ones() -> None:
    feed = QuoteFeed()
    good, bad = feed.due(LIST[:2], 0.0)
    feed.arrived(good, QUOTE, 0.5)
    feed.failed(bad, DEAD, 0.5)
    feed.expire_all()
    assert feed.due(LIST[:2], 6.0) == [good]


def test_quote_text_names_each_price() -> None:
    assert quote_text(QUOTE, market()) == "bid 2,499.90   ask 2,500.10   mark 2,500.00   last –"
