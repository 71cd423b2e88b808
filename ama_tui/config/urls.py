"""Checks URLs of the venue, and masks them for display because they may contain keys."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

MASKED = "…"

# Path segments that may be shown: words, versions and short numbers. Anything else may be an API key.
_HARMLESS_SEGMENT = re.compile(r"[A-Za-z_-]{0,15}|[A-Za-z]{1,8}[0-9]{1,3}|[0-9]{1,5}")
_KEY_LIKE_LABEL = re.compile(r"[0-9a-fA-F]{16,}|[^.]{25,}")


def masked_url(url: str) -> str:
    """The URL as it may be shown: no user or password, no query, no path segment that may be a key."""
    parts = _split(url)
    if parts is None:
        return MASKED if url else ""
    host = ".".join(MASKED if _KEY_LIKE_LABEL.fullmatch(label) else label for label in _host(parts).split("."))
    user = f"{MASKED}@" if "@" in parts.netloc else ""
    path = "/".join(segment if _HARMLESS_SEGMENT.fullmatch(segment) else MASKED for segment in parts.path.split("/"))
    rest = f"?{MASKED}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{user}{host}{path}{rest}"


def url_problem(url: str, protocol: Literal["http", "ws"] = "http") -> str | None:
    """Why this is not the URL of an HTTP or WebSocket server, without repeating it, or None."""
    parts = _split(url)
    is_readable = parts is not None and not any(one.isspace() or not one.isprintable() for one in url)
    if parts is None or not is_readable or parts.scheme not in (protocol, f"{protocol}s"):
        return f"is not a URL like {protocol}s://host:port/path"
    return None


def is_unencrypted(url: str) -> bool:
    """Whether the URL is plain http or ws to another machine, that is neither a loopback address nor `localhost`."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "ws"):
        return False
    host = parts.hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def _split(url: str) -> SplitResult | None:
    """The parts of an http, https, ws or wss URL with a host, else None."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable else None


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
