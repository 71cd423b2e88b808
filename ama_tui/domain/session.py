"""Gasless sessions: the permit a wallet signs once, the registry's record of a session, and what it is good for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag

from ama_tui.domain.wallet import Role

ZERO_ADDRESS = "0x" + "00" * 20

RENEW_BEFORE_S = 300
"""A session is renewed this long before it expires."""
RENEW_AT_PERCENT = 90
"""A session is renewed once this much of its notional budget is used."""

REVOKED = "session revoked"
CAP_TOO_LOW = "the session's cap per trade is too low"
BAD_RELAYER = "the relayer set changed since the session was signed"
BUDGET_USED = "the session's notional budget is used up"
HOW_TO_RENEW = "press r on the wallet's screen to renew it, or start with --renew-revoked"
"""Hint for a revoked session: it is not recreated automatically."""


class Methods(IntFlag):
    """Bits of a permit's `methodsBitmap` (the venue's wire contract)."""

    PLACE_LIMIT = 1 << 0
    PLACE_MARGIN_LIMIT = 1 << 1
    PLACE_MARKET = 1 << 2
    PLACE_MARGIN_MARKET = 1 << 3
    MODIFY = 1 << 4
    CANCEL = 1 << 5


TAKING = Methods.PLACE_MARGIN_MARKET | Methods.CANCEL
"""What takers need. They place no orders."""


def methods_of_role(role: Role, strategy: Methods) -> Methods:
    """The methods that a wallet's session allows: those of the `strategy` for makers, who never send market orders."""
    if role is Role.TAKER:
        return TAKING
    return strategy & ~(Methods.PLACE_MARKET | Methods.PLACE_MARGIN_MARKET)


class SessionStatus(Enum):
    """What a session is good for, according to the registry."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """The registry has no such session."""
    OTHER_WALLET = "other wallet"
    OTHER_RELAYERS = "another relayer set"
    """Still valid, but the venue's present relayers cannot use it."""
    METHODS_MISSING = "methods missing"
    """Still valid, but it does not allow the required methods."""
    UNREAD = "unread"
    """The registry could not be read."""

    @property
    def is_over(self) -> bool:
        """Is it certain that the chain accepts nothing more under the session?"""
        return self in (SessionStatus.EXPIRED, SessionStatus.REVOKED, SessionStatus.UNKNOWN)

    @property
    def problem(self) -> str | None:
        """Why the session cannot be used, None when it can or when that is not known."""
        return PROBLEMS.get(self)


PROBLEMS = {
    SessionStatus.EXPIRED: "session expired",
    SessionStatus.REVOKED: REVOKED,
    SessionStatus.UNKNOWN: "session unknown to the registry",
    SessionStatus.OTHER_WALLET: "session belongs to another wallet",
    SessionStatus.OTHER_RELAYERS: BAD_RELAYER,
    SessionStatus.METHODS_MISSING: "session does not allow the methods that the strategy uses",
}
"""Why a session of each status cannot be used."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits of a session's notional, in USDC with 6 decimals; 0 is no limit."""

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
        """The registry's record of the session right after its creation."""
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

    def allows(self, methods: Methods) -> bool:
        """Does the session allow all these methods?"""
        return self.methods & methods == methods

    def shortage(self, notional6: int, pending6: int = 0) -> str | None:
        """Why the session's caps would refuse an order of this notional, or None.

        Both are in USDC with 6 decimals; `pending6` was sent and is not counted by the registry yet.
        """
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


def session_status(
    record: SessionRecord | None,
    *,
    block_time: float,
    trader: str | None = None,
    relayer_root: str | None = None,
    methods: Methods | None = None,
) -> SessionStatus:
    """The status of a session at `block_time` (Unix seconds); a record of None could not be read.

    A trader, relayer root or methods of None are not checked. The registry does not show which markets a session
    allows; the venue refuses an order with `session_orderbook_not_allowed`.
    """
    if record is None:
        return SessionStatus.UNREAD
    if not record.exists:
        return SessionStatus.UNKNOWN
    if trader is not None and record.trader.lower() != trader.lower():
        return SessionStatus.OTHER_WALLET
    if record.revoked:
        return SessionStatus.REVOKED
    if record.expiry <= block_time:
        return SessionStatus.EXPIRED
    if relayer_root is not None and record.relayer_set_root.lower() != relayer_root.lower():
        return SessionStatus.OTHER_RELAYERS
    if methods is not None and not record.allows(methods):
        return SessionStatus.METHODS_MISSING
    return SessionStatus.LIVE


def renewal_reason(record: SessionRecord, *, block_time: int, relayer_root: str | None, largest6: int) -> str | None:
    """Why a session should be renewed soon, or None.

    `block_time` is in Unix seconds, `largest6` the notional of the largest planned order (USDC, 6 decimals).
    """
    status = session_status(record, block_time=block_time + RENEW_BEFORE_S, relayer_root=relayer_root)
    if status is SessionStatus.EXPIRED:
        return f"it expires within {RENEW_BEFORE_S // 60} min"
    if status is SessionStatus.OTHER_RELAYERS:
        return "the relayer set changed"
    if status is not SessionStatus.LIVE:
        return None
    if 0 < record.max_notional_per_trade6 < largest6:
        return CAP_TOO_LOW
    if 0 < record.max_notional_per_session6 * RENEW_AT_PERCENT <= record.notional_used6 * 100:
        return f"{record.used_percent} % of its budget is used"
    return None
