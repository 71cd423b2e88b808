"""Reads `URL#json.path`, a price source."""

from __future__ import annotations

from ama_tui.config.urls import is_unencrypted, masked_url, url_problem
from ama_tui.domain.price_source import PriceSource

LONGEST_PATH = 16
"""Names in a path."""


def price_source_problem(text: str) -> str | None:
    """Why a text is no price source, without repeating it; None if it is one."""
    url, _, path = text.strip().partition("#")
    if url_problem(url) is not None or "@" in url:
        return "is not like https://host/path#json.path"
    if is_unencrypted(url):
        return f"{masked_url(url)} is plain http on another machine: use https"
    names = path.split(".")
    if not all(names) or len(names) > LONGEST_PATH:
        return f"{masked_url(url)} needs the place of the price after a #, such as #data.price or #0.last"
    return None


def price_source(text: str) -> PriceSource:
    """The price source of a text that `price_source_problem` accepts."""
    url, _, path = text.strip().partition("#")
    return PriceSource(url, tuple(path.split(".")), masked_url(url))
