"""What is known of a request that was sent and that the chain has not settled yet."""

from __future__ import annotations

from enum import Enum

ReadMoment = tuple[int, float]
"""Block and monotonic time of a read of the chain."""


class PendingStage(Enum):
    """How far a request has got."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


class SentRequest:
    """The part that placements and takes share. Subclasses declare the fields; these change only through methods."""

    intent_id: str
    sent_at: float
    stage: PendingStage
    tx_hash: str | None
    acknowledged_at: float
    block: int
    verdict: str
    evidence: list[ReadMoment]

    def accepted(self, tx_hash: str, now: float, block: int = 0) -> None:
        """Note the transaction hash that the venue returned, and the block it is in, if it named one."""
        self.stage, self.tx_hash, self.acknowledged_at, self.block = PendingStage.ACCEPTED, tx_hash, now, block

    def unacknowledged(self) -> None:
        """Note that there was no usable response: unless the chain shows it already, it may or may not get there."""
        self.stage = PendingStage.UNKNOWN if self.tx_hash is None else PendingStage.ACCEPTED

    def noticed(self, tx_hash: str, now: float, block: int) -> None:
        """Note the transaction that the chain shows for it. Its response may still be on its way."""
        self.tx_hash, self.acknowledged_at, self.block = tx_hash, now, block
        if self.stage is PendingStage.UNKNOWN:
            self.stage = PendingStage.ACCEPTED

    def add_evidence(self, verdict: str, read: ReadMoment) -> tuple[ReadMoment, ...]:
        """Add a read that supports `verdict`. Returns the earlier consecutive reads that support it."""
        if self.verdict != verdict:
            self.verdict = verdict
            self.evidence.clear()
        earlier = tuple(self.evidence)
        self.evidence.append(read)
        return earlier
