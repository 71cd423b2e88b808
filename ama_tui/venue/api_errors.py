"""Error responses of the venue's API as RefusedError: the reason, and whether it proves that nothing was sent."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping

from ama_tui.domain.errors import RefusedError
from ama_tui.venue import json_scalars
from ama_tui.venue.http import HttpResponse
from ama_tui.venue.sanitize import excerpt, one_line, shown

HIDDEN_RATE_LIMIT = "rate_limit_text"
"""The code for an error text that mentions a rate limit although the status is not 429."""

NOT_SENT_400 = frozenset(
    {
        "invalid orderBook",
        "method not allowed",
        "missing payload",
        "invalid_session_id",
        "invalid_trader",
        "missing_price",
        "missing_amount",
        "invalid_price",
        "price_must_be_gt_0",
        "amount_must_be_gt_0",
        "orderbook_not_deployed",
        "session_unknown",
        "session_bad_trader",
        "session_revoked",
        "session_expired",
        "session_orderbook_not_allowed",
        "session_method_denied",
        "session_trade_cap",
        "session_session_cap",
        "session_bad_relayer",
        "insufficient_collateral",
        "ob_no_liquidity_for_market",
        "ob_settled",
        "bad_sig",
        "bad_nonce",
        "expired",
    }
)
"""The error codes of status 400 that prove that nothing was sent (the venue's wire contract)."""

_RATE_LIMIT_HINT = "rate limit reached, send fewer requests"
_HINTS = {
    "method not allowed": "the venue does not support this trade method, use margin orders",
    "orderbook_not_deployed": "choose another market",
    "session_unknown": "create the session again",
    "session_bad_trader": "the session belongs to another wallet, create one for this wallet",
    "session_revoked": "the session was revoked, create a new one",
    "session_expired": "create a new session",
    "session_orderbook_not_allowed": "the session is for another market, create one for this market",
    "session_method_denied": "the session does not allow this method, create one that does",
    "session_trade_cap": "the order exceeds the session's limit per trade, use smaller sizes or a new session",
    "session_session_cap": "the session's notional budget is used up, create a new session",
    "session_bad_relayer": "the venue's relayers changed, create a new session",
    "insufficient_collateral": "deposit collateral or reduce the sizes",
    "ob_no_liquidity_for_market": "the other side of the book is empty, use a limit order",
    "ob_settled": "the market has settled, choose another",
    "bad_sig": "check the chain id and SESSION_REGISTRY_ADDRESS",
    "bad_nonce": "another session was created at the same time, try again",
    "expired": "the permit has expired, check this machine's clock",
    "GEO_RESTRICTED": "the venue does not serve this location",
    "rate_limit_exceeded": _RATE_LIMIT_HINT,
    HIDDEN_RATE_LIMIT: _RATE_LIMIT_HINT,
    "all_relayers_insufficient_funds": "the venue's relayers have no gas left, contact its operator",
    "service_temporarily_unavailable": "the venue is overloaded, try again in a minute",
    "tx_reverted": "the transaction reverted on chain, check its receipt",
}
_RATE_LIMIT_TEXT = re.compile(r"rate.?limit|too many requests|\b429\b|throttl", re.IGNORECASE)
_LONGEST_RETRY_AFTER = 3600.0


def refusal(where: str, response: HttpResponse) -> RefusedError:
    """The error for a response with a failure status. `where` is the method and path."""
    body = json_scalars.json_object(response.body)
    if body is None:
        return _without_json(where, response)
    return refusal_of_body(where, response.status, body, retry_after(response.retry_after))


def refusal_of_body(where: str, status: int, body: Mapping[str, object], wait: float | None = None) -> RefusedError:
    """The error in a JSON body `{error, message?, txHash?, …}`. `wait` is its Retry-After in seconds."""
    reason = _reason(body)
    code = reason or f"http_{status}"
    hides_rate_limit = status != 429 and bool(_RATE_LIMIT_TEXT.search(f"{reason} {shown(body.get('message'))}"))
    if hides_rate_limit and code != "rate_limit_exceeded":
        code = HIDDEN_RATE_LIMIT
    tx_hash = _tx_hash(body)
    return RefusedError(
        f"{where} refused ({status}): {_detail(reason, body)}",
        _HINTS.get(code, "" if reason else _hint_for_status(status)),
        status=status,
        code=code,
        retry_after=wait,
        tx_hash=tx_hash,
        proves_not_sent=tx_hash is None and _proves_not_sent(status, reason),
        is_rate_limit=status == 429 or hides_rate_limit,
    )


def retry_after(header: str | None) -> float | None:
    """The seconds in a Retry-After header (a number or an HTTP date), at most 3600. None if missing or invalid."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _proves_not_sent(status: int, reason: str) -> bool:
    return (
        (status == 400 and reason in NOT_SENT_400)
        or (status == 403 and reason == "GEO_RESTRICTED")
        or status == 404
        or (status == 429 and reason == "rate_limit_exceeded")
    )


def _without_json(where: str, response: HttpResponse) -> RefusedError:
    text = excerpt(response.body)
    shown = f": {text}" if text else ""
    return RefusedError(
        f"{where} returned HTTP {response.status} without a JSON object{shown}",
        _hint_for_status(response.status),
        status=response.status,
        code=f"http_{response.status}",
        retry_after=retry_after(response.retry_after),
        is_rate_limit=response.status == 429 or bool(_RATE_LIMIT_TEXT.search(text)),
    )


def _hint_for_status(status: int) -> str:
    if 300 <= status < 400:
        return "redirects are not followed, set APP_URL to the redirect target"
    if status in (401, 403):
        return "check the credentials in APP_URL and any firewall or proxy in between"
    if status == 404:
        return "check that APP_URL is the venue's address"
    if status == 429:
        return _RATE_LIMIT_HINT
    if status >= 500:
        return "the venue has a problem, try again later"
    return "the venue rejected the request, check that its version is compatible"


def _reason(body: Mapping[str, object]) -> str:
    reason = body.get("error")
    if isinstance(reason, Mapping):
        reason = reason.get("code") or reason.get("message")
    if not isinstance(reason, str) or not reason.strip():
        reason = body.get("message")
    return one_line(reason.strip(), 120) if isinstance(reason, str) else ""


def _detail(reason: str, body: Mapping[str, object]) -> str:
    parts = [reason or "no reason given"]
    message = body.get("message")
    if isinstance(message, str) and message.strip() and message.strip() != reason:
        parts.append(one_line(message.strip(), 120))
    figures = ("available6", "required6")
    parts += [f"{key} {shown(body[key], 40)}" for key in figures if key in body]
    return ", ".join(parts)


def _tx_hash(body: Mapping[str, object]) -> str | None:
    try:
        return json_scalars.hash32(body.get("txHash"))
    except ValueError:
        return None
