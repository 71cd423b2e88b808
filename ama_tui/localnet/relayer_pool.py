"""The relayers that serve the API, and which trader uses which.

Wire contract: a trader is pinned to one relayer. Each relayer sends its transactions one after another. Requests of one
trader are served one after another, different traders in parallel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from ama_tui.localnet import merkle


@dataclass(frozen=True, slots=True)
class Relayer:
    """A relayer of the set."""

    address: str
    """Lower case."""
    proof: tuple[bytes, ...]
    """Merkle proof of its membership."""
    broadcasting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it sends a transaction."""


class RelayerPool:
    """The current relayers."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses: tuple[str, ...] = ()
        self.root = b""
        """The 32-byte Merkle root that a permit must name."""
        self._relayers: tuple[Relayer, ...] = ()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.replace(addresses)

    def replace(self, addresses: Sequence[str]) -> None:
        """Replace all relayers. Raises ValueError if `addresses` is empty."""
        self.root = merkle.root(addresses)
        self.addresses = tuple(addresses)
        self._relayers = tuple(Relayer(address, tuple(merkle.proof(addresses, address))) for address in addresses)

    def relayer_for(self, trader: str) -> Relayer:
        """The relayer that a trader is pinned to, as long as the set does not change."""
        return self._relayers[int(trader, 16) % len(self._relayers)]

    def turn(self, trader: str) -> asyncio.Lock:
        """The lock that serves a trader's requests one after another."""
        return self._turns.setdefault(trader, asyncio.Lock())
