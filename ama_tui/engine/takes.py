"""One wallet's takes: those that are not settled yet, and what it traded in the last hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ama_tui.domain.plan import Take
from ama_tui.engine.own_prices import WalletPrices
from ama_tui.engine.sent_request import PendingStage, ReadMoment, SentRequest

BUDGET_WINDOW_S = 3600.0
"""The budget is what a wallet may trade in any hour."""


@dataclass(slots=True)
class PendingTake(SentRequest):
    """A journalled take that the chain has not settled yet. Changes only through its methods."""

    intent_id: str
    take: Take
    """As it is sent: its amount may be less than planned."""
    reach6: int
    """The price (6 decimals) that it may reach if the book gets thinner: the fleet places nothing up to there."""
    notional6: int
    """Its largest value (USDC, 6 decimals), which counts against budget and session."""
    margin6: int
    """The most margin that its position may need (USDC, 6 decimals)."""
    sent_at: float
    """Monotonic clock."""
    decided_in: int = 0
    """The block of the read that it was decided on: what it trades comes later."""
    stage: PendingStage = PendingStage.SENDING
    tx_hash: str | None = None
    acknowledged_at: float = float("-inf")
    """When the venue returned the transaction hash (monotonic clock)."""
    block: int = 0
    """The block that the venue says it is in, 0 if it named none."""
    verdict: str = ""
    """The resolution that the latest reads agree on, '' before the first."""
    evidence: list[ReadMoment] = field(default_factory=list)
    """The consecutive reads that support `verdict`."""
    is_earlier: bool = False
    """It was sent by another process."""
    given_up_at: float = 0.0
    """When it was written off (monotonic clock), 0 if it was not."""

    def given_up(self, now: float) -> None:
        """Note that it was written off."""
        self.given_up_at = now

    def reaches(self, reach6: int) -> None:
        """Note how far it may reach by the latest read."""
        self.reach6 = reach6


@dataclass(slots=True)
class WalletTakes:
    """Iterates over the takes that are not settled. Its fields change only through its methods."""

    unsettled: dict[str, PendingTake] = field(default_factory=dict)
    """By intent id."""
    spent: deque[tuple[float, int]] = field(default_factory=deque)
    """When settled takes were sent (monotonic clock) and what they traded (USDC, 6 decimals), oldest first."""
    written_off: list[PendingTake] = field(default_factory=list)
    """Takes of the last hour that did not reach the chain in time: they still could, and count against the budget."""
    taken_at: int = 0
    """When the latest was sent, Unix seconds; 0 if never."""
    skipped: str = ""
    """Why the latest was not sent, '' if it was."""
    prices: WalletPrices = field(default_factory=WalletPrices, repr=False, compare=False)

    def __iter__(self) -> Iterator[PendingTake]:
        return iter(self.unsettled.values())

    def __len__(self) -> int:
        return len(self.unsettled)

    def begin(self, pending: PendingTake, unix_s: int) -> None:
        """Count a take that is about to be sent, or that an earlier process sent, at this Unix time."""
        self.unsettled[pending.intent_id] = pending
        self.taken_at, self.skipped = max(self.taken_at, unix_s), ""
        self.prices.taking(pending.intent_id, pending.take.side, pending.reach6, pending.sent_at)

    def drop(self, pending: PendingTake) -> None:
        """Forget a take that was not sent, or provably did not trade."""
        if self.unsettled.pop(pending.intent_id, None) is not None:
            self.prices.not_taking(pending.intent_id, pending.take.side, pending.reach6)

    def settle(self, pending: PendingTake, notional6: int) -> None:
        """Count what a take traded (USDC, 6 decimals)."""
        self.drop(pending)
        self.note_spent(pending.sent_at, notional6)

    def write_off(self, pending: PendingTake, now: float) -> None:
        """Note that a take did not reach the chain in time."""
        self.drop(pending)
        pending.given_up(now)
        self.written_off.append(pending)
        self.prices.lapsed(pending.intent_id, pending.take.side, pending.reach6, now)

    def note_spent(self, sent_at: float, notional6: int) -> None:
        """Count what a take of this time (monotonic clock) traded (USDC, 6 decimals)."""
        self.spent.append((sent_at, notional6))

    def skip(self, reason: str) -> bool:
        """Note why a take is not sent. True if the reason is another than the last time."""
        is_new, self.skipped = reason != self.skipped, reason
        return is_new

    def used6(self, now: float) -> int:
        """What counts against the budget: traded within the last hour, or not settled yet (USDC, 6 decimals)."""
        while self.spent and now - self.spent[0][0] >= BUDGET_WINDOW_S:
            self.spent.popleft()
        self.written_off = [take for take in self.written_off if now - take.given_up_at < BUDGET_WINDOW_S]
        late6 = sum(take.notional6 for take in self.written_off)
        return sum(amount6 for _, amount6 in self.spent) + late6 + self.notional6

    @property
    def notional6(self) -> int:
        """The largest value of all unsettled takes (USDC, 6 decimals)."""
        return sum(pending.notional6 for pending in self)

    @property
    def margin6(self) -> int:
        """The margin that all unsettled takes may need (USDC, 6 decimals)."""
        return sum(pending.margin6 for pending in self)

    @property
    def unknown(self) -> int:
        """The number of takes without a usable response."""
        return sum(pending.stage is PendingStage.UNKNOWN for pending in self)

    def count_in(self, prices: WalletPrices) -> None:
        """Report every reach to `prices` from now on, those of the present takes too."""
        self.prices = prices
        for pending in self:
            prices.taking(pending.intent_id, pending.take.side, pending.reach6, pending.sent_at)
