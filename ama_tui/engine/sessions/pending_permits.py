"""The permits of each wallet whose sessions may still appear, and how many it may sign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.errors import VenueError
from ama_tui.domain.session import RENEW_BEFORE_S, SessionPermit
from ama_tui.venue.permits import session_id

PERMITS_PER_HOUR = 4
"""Permits signed per wallet and hour, besides the renewals that sessions of less than an hour need."""


@dataclass(slots=True)
class PendingPermit:
    """A permit whose session may or may not exist."""

    permit: SessionPermit
    session_id: str
    intent_id: str = ""
    """'' until this process has journalled the permit."""
    is_unanswered: bool = False
    """A request was sent and got no response: it may still take effect."""


class PendingPermits:
    """Keeps them per wallet, the earliest first."""

    def __init__(self) -> None:
        self._permits: dict[str, list[PendingPermit]] = {}
        self._signed_at: dict[str, list[float]] = {}
        """When the latest new permits of a wallet were signed, on the event loop's clock."""

    def remember(self, wallet: str, permits: Iterable[SessionPermit]) -> None:
        """Take over permits that an earlier process journalled and whose sessions the chain does not show."""
        self._permits[wallet] = [PendingPermit(permit, session_id(permit), is_unanswered=True) for permit in permits]

    def of(self, wallet: str) -> list[PendingPermit]:
        """The wallet's permits. Remove those that can have no effect any more."""
        return self._permits.setdefault(wallet, [])

    def is_unanswered(self, wallet: str, now: int) -> bool:
        """May a request without a response still create a session? `now` is in Unix seconds."""
        return any(pending.is_unanswered and pending.permit.expiry > now for pending in self._permits.get(wallet, ()))

    def keep(self, wallet: str, pending: PendingPermit, now: float, *, seconds: int, for_cancels: bool) -> None:
        """Keep a permit that is about to be signed. Raises VenueError if the wallet has signed too many new ones.

        `now` is on the event loop's clock, `seconds` is how long the session will last. A session `for_cancels` will
        not be renewed.
        """
        known = self.of(wallet)
        if pending in known:
            return
        recent = [at for at in self._signed_at.get(wallet, ()) if now - at < 3600]
        renewals = 0 if for_cancels else 3600 // max(1, seconds - RENEW_BEFORE_S)
        if len(recent) >= PERMITS_PER_HOUR + renewals:
            minutes = max(1, round((recent[0] + 3600 - now) / 60))
            raise VenueError(
                f"permit not signed: {len(recent)} were signed within the last hour",
                f"the wallet waits {minutes} min",
            )
        self._signed_at[wallet] = [*recent, now]
        known.append(pending)
