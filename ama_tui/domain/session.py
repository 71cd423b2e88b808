"""Gasless sessions: the permit a wallet signs once, and what the registry says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

ZERO_ADDRESS = "0x" + "00" * 20

RENEW_BEFORE_S = 300
"""A session is renewed this long before it expires."""
RENEW_AT_PERCENT = 90
"""A session is renewed once this much of its notional budget is used."""

REVOKED = "session revoked"
CAP_TOO_LOW = "the session's cap per trade is too low"
BAD_RELAYER = "the relayer set changed since the session was signed"
BUDGET_USED = "the session's notional budget is used up"


class Methods(IntFlag):
    """Bits of a permit's `methodsBitmap` (the venue's wire contract)."""

    PLACE_LIMIT = 1 << 0
    PLACE_MARGIN_LIMIT = 1 << 1
    PLACE_MARKET = 1 << 2
    PLACE_MARGIN_MARKET = 1 << 3
    MODIFY = 1 << 4
    CANCEL = 1 << 5


@dataclass(frozen=True, slots=True)
class Caps:
    """The notionals that a session is good for, in USDC with 6 decimals; 0 is no cap."""

    per_trade6: int = 0
    per_session6: int = 0


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

    @property
    def caps(self) -> Caps:
        return Caps(self.max_notional_per_trade6, self.max_notional_per_session6)

    def as_record(self, session_id: str) -> SessionRecord:
        """What the registry says of the session right after its creation."""
        return SessionRecord(
            session_id,
            self.trader,
            self.relayer_set_root,
            self.expiry,
            self.max_notional_per_trade6,
            self.max_notional_per_session6,
            0,
            self.methods,
            revoked=False,
        )


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
        """Why this session cannot be used by `trader` at `now` (Unix seconds), or None when it can.

        The registry does not say which markets a session allows: the venue's `session_orderbook_not_allowed` does.
        """
        if not self.exists:
            return "session unknown to the registry"
        if self.trader.lower() != trader.lower():
            return "session belongs to another wallet"
        if self.revoked:
            return REVOKED
        if self.expiry <= now:
            return "session expired"
        if relayer_root is not None and self.relayer_set_root.lower() != relayer_root.lower():
            return BAD_RELAYER
        if self.methods & methods != methods:
            return "session does not allow the methods that the strategy uses"
        return None

    def wear(self, *, now: int, relayer_root: str | None, largest6: int) -> str | None:
        """Why a session that still works should be renewed soon, or None.

        `now` is in Unix seconds, `largest6` the notional of the largest order that is wanted (USDC, 6 decimals).
        """
        if self.expiry - now <= RENEW_BEFORE_S:
            return f"it expires within {RENEW_BEFORE_S // 60} min"
        if relayer_root is not None and self.relayer_set_root.lower() != relayer_root.lower():
            return "the relayer set changed"
        if 0 < self.max_notional_per_trade6 < largest6:
            return CAP_TOO_LOW
        if 0 < self.max_notional_per_session6 * RENEW_AT_PERCENT <= self.notional_used6 * 100:
            return f"{self.used_percent} % of its budget is used"
        return None

    def shortage(self, notional6: int, pending6: int = 0) -> str | None:
        """Why an order of this notional would be refused under it, or None; `pending6` is sent and not counted yet."""
        if 0 < self.max_notional_per_trade6 < notional6:
            return CAP_TOO_LOW
        if 0 < self.max_notional_per_session6 < self.notional_used6 + pending6 + notional6:
            return BUDGET_USED
        return None

    @property
    def used_percent(self) -> int | None:
        """How much of its notional budget is used, None when it has no cap."""
        cap6 = self.max_notional_per_session6
        return None if cap6 == 0 else self.notional_used6 * 100 // cap6


@dataclass(frozen=True, slots=True)
class RelayerSet:
    """The relayers of the venue's API and the Merkle root over them."""

    addresses: tuple[str, ...]
    root: str
