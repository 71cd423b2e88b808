"""A venue that lists only a few markets of every kind: it starts in half the time, and its traders have less to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ama_tui.localnet.catalogue import CATALOGUE

BASES = ("ETH", "BTC", "NOVA", "BIDS", "DOGE", "PEPE", "SUI", "UNI", "BNB")


@contextmanager
def few_markets() -> Iterator[None]:
    """Venues that start in here list only these."""
    with patch("ama_tui.localnet.venue.CATALOGUE", tuple(spec for spec in CATALOGUE if spec.base in BASES)):
        yield
