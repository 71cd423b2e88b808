"""Gasless sessions: the permit a wallet signs once, and what the registry says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

ZERO_ADDRESS = "0x" + "00" * 20


class Methods(IntFlag):
    """Bits of a permit's `methodsBitmap` (the venue's wire contract)."""

    PLACE_LIMIT = 1 << 0
    PLACE_MARGIN_LIMIT = 1 << 1
    PLACE_MARKET = 1 << 2
    PLACE_MARGIN_MARKET = 1 << 3
    MODIFY = 1 << 4
    CANCEL = 1 << 5


@dataclass(frozen=True, slots=True)
class SessionPermit:
    """The EIP-712 struct `SessionPermit`. Hashes and the salt are 0x strings of 32 bytes; a cap of 0 is no cap."""

    trader: str
    relayer_set_root: str
    expiry: int
    max_notional_per_trade6: int
    max_notional_per_session6: int
    methods: Methods
    salt: str
    allowed_markets: tuple[str, ...]
    nonce: int


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """The registry's record of a session; an unknown session has the zero address as its trader."""

    session_id: str
    trader: str
    relayer_set_root: str
    expiry: int
    max_notional_per_trade6: int
    max_notional_per_session6: int
    notional_used6: int
    methods: Methods
    revoked: bool

    @property
    def exists(self) -> bool:
        return self.trader != ZERO_ADDRESS

    def is_over(self, block_time: int) -> bool:
        """Does the chain take nothing more under this session from `block_time` (Unix seconds) on?"""
        return self.revoked or not self.exists or self.expiry <= block_time

    def problem(self, *, trader: str, now: int, relayer_root: str | None, methods: Methods) -> str | None:
        """Why this session cannot be used by `trader` at `now` (Unix seconds), or None when it can."""
        if not self.exists:
            return "session unknown to the registry"
        if self.trader.lower() != trader.lower():
            return "session belongs to another wallet"
        if self.revoked:
            return "session revoked"
        if self.expiry <= now:
            return "session expired"
        if relayer_root is not None and self.relayer_set_root.lower() != relayer_root.lower():
            return "the relayer set changed since the session was signed"
        if self.methods & methods != methods:
            return "session does not allow the methods that the strategy uses"
        return None


@dataclass(frozen=True, slots=True)
class RelayerSet:
    """The relayers of the venue's API and the Merkle root over them."""

    addresses: tuple[str, ...]
    root: str
