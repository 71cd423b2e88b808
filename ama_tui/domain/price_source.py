"""A place outside the venue that states a price."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PriceSource:
    """A JSON document and where in it the price is."""

    url: str
    """It may have a key in it, so messages show `name` instead."""
    path: tuple[str, ...]
    """Names of members, and positions in lists."""
    name: str
    """The URL as it may be shown."""
