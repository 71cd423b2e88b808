"""The relayers that serve the API, and who is served by which.

The venue's wire contract: a trader is pinned to one relayer, a relayer sends its transactions one
after another, and so do the requests of one trader, while different traders are served side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from ama_tui.localnet import merkle


@dataclass(frozen=True, slots=True)
class Relayer:
    """One relayer: its lower-case address, its proof of membership, and the lock it sends under."""

    address: str
    proof: tuple[bytes, ...]
    broadcasting: asyncio.Lock = field(default_factory=asyncio.Lock)


class RelayerPool:
    """The relayers in charge. `root` is the Merkle root that a permit must name, 32 bytes."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses: tuple[str, ...] = ()
        self.root = b""
        self._relayers: tuple[Relayer, ...] = ()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.replace(addresses)

    def replace(self, addresses: Sequence[str]) -> None:
        """Put other relayers in charge. Raises ValueError for none."""
        self.root = merkle.root(addresses)
        self.addresses = tuple(addresses)
        self._relayers = tuple(Relayer(address, tuple(merkle.proof(addresses, address))) for address in addresses)

    def relayer_for(self, trader: str) -> Relayer:
        """The relayer that a trader is pinned to, for as long as the set stays the same."""
        return self._relayers[int(trader, 16) % len(self._relayers)]

    def turn(self, trader: str) -> asyncio.Lock:
        """The lock under which a trader's requests are served, one after another."""
        return self._turns.setdefault(trader, asyncio.Lock())
