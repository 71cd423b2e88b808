"""Repeated errors: shown when they begin, summed up when they are over."""

from __future__ import annotations

from ama_tui.engine.repeated_errors import MOST_ERRORS, QUIET_S, RepeatedErrors


def test_repeated_error_is_new_once_whatever_order_and_wallet_it_names() -> None:
    errors = RepeatedErrors()
    assert errors.is_new("order 17 at 2,500.52 rejected: relayer busy", "0xa1", 0.0)
    assert not errors.is_new("order 18 at 2,500.53 rejected: relayer busy", "0xb2", 30.0)
    assert errors.is_new("order 18 at 2,500.53 rejected: wrong side", "0xb2", 30.0)
    assert not errors.is_new("order 19 at 2,500.54 rejected: relayer busy", "0xb2", 70.0)
    assert list(errors.over(100.0)) == []
    assert list(errors.over(70.0 + QUIET_S)) == [
        "order 17 at 2,500.52 rejected: relayer busy: 3 times to 2 wallets in 70 s, none in the last minute"
    ]
    assert list(errors.over(1000.0)) == []


def test_error_that_returns_after_a_quiet_minute_is_new_again() -> None:
    errors = RepeatedErrors()
    assert errors.is_new("no reply", "0xa1", 0.0)
    assert errors.is_new("no reply", "0xa1", QUIET_S)
    assert list(errors.lasting()) == []


def test_ongoing_errors_are_summed_up_at_the_end() -> None:
    errors = RepeatedErrors()
    for second in range(5):
        errors.is_new("no reply", "0xa1", float(second))
    assert list(errors.lasting()) == ["no reply: 5 times in 4 s"]


def test_venue_that_words_every_refusal_differently_does_not_fill_memory() -> None:
    errors = RepeatedErrors()
    for word in range(10 * MOST_ERRORS):
        errors.is_new("x" * word, "0xa1", 0.0)
    assert len(errors._series) == MOST_ERRORS
