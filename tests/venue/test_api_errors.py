"""Error responses of the API: what they prove, and how they read."""

from __future__ import annotations

import email.utils
import time

import orjson
import pytest

from ama_tui.domain.errors import RefusedError
from ama_tui.venue.api_errors import HIDDEN_RATE_LIMIT, NOT_SENT_400, refusal, retry_after
from ama_tui.venue.http import HttpResponse

TX = "0x" + "7f" * 32


def refused(status: int, body: object, header: str | None = None) -> RefusedError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return refusal("POST /api/gasless/trade", HttpResponse(status, raw, header))


@pytest.mark.parametrize("code", sorted(NOT_SENT_400))
def test_listed_400_proves_that_nothing_was_sent(code: str) -> None:
    error = refused(400, {"error": code})
    assert (error.code, error.status, error.proves_not_sent) == (code, 400, True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"error": "GEO_RESTRICTED"}),
        (404, {"ok": False, "error": "no such market"}),
        (404, {}),
        (429, {"error": "rate_limit_exceeded"}),
    ],
)
def test_other_listed_responses_prove_that_nothing_was_sent(status: int, body: object) -> None:
    assert refused(status, body).proves_not_sent


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "something new"}),
        (400, {"error": "session_unknown", "txHash": TX}),
        (400, b"<html>Bad Request</html>"),
        (403, {"error": "forbidden"}),
        (403, b"<html>GEO_RESTRICTED</html>"),
        (404, b"<html>not found</html>"),
        (404, b"[]"),
        (429, {"error": "slow down"}),
        (429, b"<html>rate_limit_exceeded</html>"),
        (500, {"error": "session_unknown"}),
        (500, {"error": "tx_reverted", "txHash": TX}),
        (502, b""),
        (503, {"error": "all_relayers_insufficient_funds"}),
        (503, {"error": "service_temporarily_unavailable"}),
        (301, b""),
        (200, {"error": "rate_limit_exceeded"}),
    ],
)
def test_any_other_response_proves_nothing(status: int, body: object) -> None:
    assert not refused(status, body).proves_not_sent


def test_reverted_placement_names_its_transaction() -> None:
    error = refused(500, {"error": "tx_reverted", "txHash": TX.upper().replace("0X", "0x"), "blockNumber": 3})
    assert (error.code, error.tx_hash) == ("tx_reverted", TX)


def test_malformed_transaction_hash_is_ignored() -> None:
    assert refused(500, {"error": "tx_reverted", "txHash": "0x12"}).tx_hash is None


@pytest.mark.parametrize("text", ["Rate limit exceeded, try later", "Too Many Requests", "upstream said 429"])
def test_rate_limit_hidden_in_a_500_is_recognised(text: str) -> None:
    for body in ({"error": text}, {"error": "internal", "message": text}):
        error = refused(500, body)
        assert (error.code, error.is_rate_limit, error.proves_not_sent) == (HIDDEN_RATE_LIMIT, True, False)


def test_other_text_in_a_500_is_not_a_rate_limit() -> None:
    error = refused(500, {"error": "missing parameter: price4290"})
    assert (error.code, error.is_rate_limit) == ("missing parameter: price4290", False)


def test_429_is_a_rate_limit_whatever_its_body() -> None:
    assert refused(429, b"<html>").is_rate_limit
    assert refused(429, {"error": "rate_limit_exceeded"}, "7").retry_after == 7


def test_insufficient_collateral_shows_the_figures_and_a_hint() -> None:
    error = refused(400, {"error": "insufficient_collateral", "available6": "12", "required6": "34"})
    assert str(error) == (
        "POST /api/gasless/trade refused (400): insufficient_collateral, available6 12, required6 34: "
        "deposit collateral or reduce the sizes"
    )


def test_html_is_shown_on_one_line_with_a_hint() -> None:
    error = refused(502, b"<html>\n<h1>Bad Gateway</h1>" + b"x" * 1000)
    assert "returned HTTP 502 without a JSON object: <html>\\n<h1>Bad Gateway" in error.message
    assert len(error.message) < 300
    assert error.hint == "the venue has a problem, try again later"


@pytest.mark.parametrize("body", [{"error": {"code": "bad_sig"}}, {"message": "bad_sig"}, {"error": " bad_sig "}])
def test_code_is_found_in_every_known_place(body: object) -> None:
    assert refused(400, body).code == "bad_sig"


@pytest.mark.parametrize("body", [{}, {"error": None}, {"error": 7}, {"error": {"code": []}}, {"error": ""}])
def test_response_without_a_reason_says_so(body: object) -> None:
    error = refused(400, body)
    assert error.code == "http_400"
    assert "no reason given" in error.message
    assert error.hint


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 418, 429, 500, 503])
def test_every_status_has_a_hint(status: int) -> None:
    assert refused(status, b"").hint


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("60", 60.0), ("1.5", 1.5), ("-3", 0.0), ("1e9", 3600.0), ("nan", None), ("soon", None), ("", None)],
)
def test_retry_after_is_parsed_and_bounded(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    seconds = retry_after(email.utils.formatdate(time.time() + 30, usegmt=True))
    assert seconds is not None
    assert 20 < seconds <= 30
