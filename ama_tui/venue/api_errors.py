"""Error answers of the venue's API, turned into RefusedError: what was said, and what it proves."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping

from ama_tui.domain.errors import RefusedError
from ama_tui.venue import json_scalars as wire
from ama_tui.venue.http import HttpResponse
from ama_tui.venue.sanitize import excerpt, one_line

HIDDEN_RATE_LIMIT = "rate_limit_text"
"""The code given to an error text that speaks of a rate limit without the status for it."""

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
"""The 400s that prove that nothing was sent (the venue's wire contract)."""

_HINTS = {
    "method not allowed": "the venue does not offer this trade method; margin orders are the usual ones",
    "orderbook_not_deployed": "choose another market",
    "session_unknown": "create the session again",
    "session_bad_trader": "the session belongs to another wallet; create one for this wallet",
    "session_revoked": "the session was revoked; create a new one",
    "session_expired": "create a new session",
    "session_orderbook_not_allowed": "the session is for another market; create one for this market",
    "session_method_denied": "the session lacks this method; create one that allows it",
    "session_trade_cap": "the order exceeds the session's cap per trade; use smaller sizes or a new session",
    "session_session_cap": "the session's notional budget is used up; create a new one",
    "session_bad_relayer": "the venue's relayer set changed; create a new session",
    "insufficient_collateral": "deposit collateral, or lower the sizes",
    "ob_no_liquidity_for_market": "the other side of the book is empty; a market order cannot fill",
    "ob_settled": "the market has been settled; choose another",
    "bad_sig": "check the chain id and SESSION_REGISTRY_ADDRESS",
    "bad_nonce": "another session was created meanwhile; read the nonce again",
    "expired": "the permit's expiry is in the past; check this machine's clock",
    "GEO_RESTRICTED": "the venue refuses this location",
    "rate_limit_exceeded": "slow down; the venue limits requests",
    HIDDEN_RATE_LIMIT: "slow down; the venue limits requests",
    "all_relayers_insufficient_funds": "the venue's relayers are out of gas money; ask its operator",
    "service_temporarily_unavailable": "the venue is overloaded; try again in a minute",
    "tx_reverted": "the chain refused the transaction; its receipt says at which block",
}
_RATE_LIMIT_TEXT = re.compile(r"rate.?limit|too many requests|\b429\b|throttl", re.IGNORECASE)
_LONGEST_RETRY_AFTER = 3600.0


def refusal(where: str, answer: HttpResponse) -> RefusedError:
    """The error for an answer whose status is not a success. `where` names the endpoint."""
    body = wire.json_object(answer.body)
    if body is None:
        return _unreadable(where, answer)
    return refusal_of_body(where, answer.status, body, retry_after(answer.retry_after))


def refusal_of_body(where: str, status: int, body: Mapping[str, object], wait: float | None = None) -> RefusedError:
    """The error that a JSON body describes: `{error, message?, txHash?, …}`."""
    said = _said(body)
    code = said or f"http_{status}"
    hides_rate_limit = status != 429 and bool(_RATE_LIMIT_TEXT.search(f"{said} {body.get('message')}"))
    if hides_rate_limit and code != "rate_limit_exceeded":
        code = HIDDEN_RATE_LIMIT
    tx_hash = _tx_hash(body)
    return RefusedError(
        f"{where} refused ({status}): {_detail(said, body)}",
        _HINTS.get(code, "" if said else _hint_of_status(status)),
        status=status,
        code=code,
        retry_after=wait,
        tx_hash=tx_hash,
        proves_not_sent=tx_hash is None and _proves_not_sent(status, said),
        is_rate_limit=status == 429 or hides_rate_limit,
    )


def retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header (a number or an HTTP date), at most 3600; None when it says nothing."""
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


def _proves_not_sent(status: int, said: str) -> bool:
    return (
        (status == 400 and said in NOT_SENT_400)
        or (status == 403 and said == "GEO_RESTRICTED")
        or status == 404
        or (status == 429 and said == "rate_limit_exceeded")
    )


def _unreadable(where: str, answer: HttpResponse) -> RefusedError:
    text = excerpt(answer.body)
    says = f": {text}" if text else ""
    return RefusedError(
        f"{where} answered HTTP {answer.status} without a JSON object{says}",
        _hint_of_status(answer.status),
        status=answer.status,
        code=f"http_{answer.status}",
        retry_after=retry_after(answer.retry_after),
        is_rate_limit=answer.status == 429 or bool(_RATE_LIMIT_TEXT.search(text)),
    )


def _hint_of_status(status: int) -> str:
    if 300 <= status < 400:
        return "redirects are not followed; set APP_URL to the address that it redirects to"
    if status in (401, 403):
        return "check the credentials in APP_URL, and whether a firewall or proxy is in the way"
    if status == 404:
        return "is APP_URL the venue's address?"
    if status == 429:
        return "slow down; the venue limits requests"
    if status >= 500:
        return "the venue is in trouble; try again later"
    return "the venue did not understand the request; is it of a compatible version?"


def _said(body: Mapping[str, object]) -> str:
    said = body.get("error")
    if isinstance(said, Mapping):
        said = said.get("code") or said.get("message")
    if not isinstance(said, str) or not said.strip():
        said = body.get("message")
    return one_line(said.strip(), 120) if isinstance(said, str) else ""


def _detail(said: str, body: Mapping[str, object]) -> str:
    parts = [said or "no reason given"]
    message = body.get("message")
    if isinstance(message, str) and message.strip() and message.strip() != said:
        parts.append(one_line(message.strip(), 120))
    figures = ("available6", "required6")
    parts += [f"{key} {one_line(str(body[key]), 40)}" for key in figures if key in body]
    return ", ".join(parts)


def _tx_hash(body: Mapping[str, object]) -> str | None:
    try:
        return wire.hash32(body.get("txHash"))
    except ValueError:
        return None
