"""JSON-RPC errors of a node as our own: what its bodies say, and which of them are rate limits."""

from __future__ import annotations

import re

from ama_tui.domain.errors import RpcError
from ama_tui.venue.sanitize import shown

LIMIT_CODES = frozenset({429, -32005, -32007, -32029})
"""Codes by which nodes report a rate limit in a JSON-RPC body."""

_BUSY_STATUS = frozenset({429, 502, 503, 504})
_REVERTED = 3
_RATE_LIMIT_TEXT = re.compile(
    r"rate.?limit|rate exceeded|too many requests|throttl|requests? (?:limit|count) (?:reached|exceeded)"
    r"|per.second|compute units|quota|capacity exceeded",
    re.IGNORECASE,
)
_SIZE_TEXT = re.compile(r"more than|block range|results|response size|too (?:large|big|wide|long)", re.IGNORECASE)
"""Some nodes use a code of rate limits for a request that asks for too much at once."""


def rpc_error(name: str, error: object) -> RpcError:
    """The `error` of a JSON-RPC body. `name` is how messages call the node."""
    if not isinstance(error, dict):
        return RpcError(f"{name} returned an error: {shown(error)}")
    code, message, data = error.get("code"), error.get("message"), error.get("data")
    if isinstance(data, dict):
        data = data.get("data")
    return RpcError(
        f"{name} returned an error: {shown(message or 'no message')}",
        code=code if isinstance(code, int) and not isinstance(code, bool) else 0,
        data=data if isinstance(data, str) else None,
    )


def is_rate_limit(error: RpcError, status: int = 200) -> bool:
    """Does this error, in a response with this HTTP status, mean that the node limits requests?"""
    if status == 429:
        return True
    if error.code == _REVERTED or _SIZE_TEXT.search(error.message):
        return False
    return error.code in LIMIT_CODES or bool(_RATE_LIMIT_TEXT.search(error.message))


def is_busy(error: RpcError, status: int) -> bool:
    """Is another attempt likely to succeed?"""
    return status in _BUSY_STATUS or is_rate_limit(error, status)
