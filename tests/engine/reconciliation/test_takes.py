"""How the chain settles takes, live and after a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Take
from ama_tui.domain.reading import Receipt, Settlement, Trade
from ama_tui.domain.wallet import Role
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.reconciliation.live import LiveReconciliation
from ama_tui.engine.reconciliation.startup import recover
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.takes import PendingTake
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import JournalReplay, TakenIntent
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.samples import ALICE, BOB, PRICE6, book, fleet_read, wallet_read
from tests.engine.virtual_time import run_virtually

HASH, OTHER_HASH = "0x" + "77" * 32, "0x" + "78" * 32
STRANGER = "0x" + "9" * 40
AMOUNT18 = 10**17
VALUE6 = PRICE6 // 10


def taker() -> WalletBook:
    found = book(ALICE)
    found.wallet = replace(found.wallet, role=Role.TAKER)
    return found


def bought(amount18: int = AMOUNT18, *, block: int = 101, tx_hash: str = HASH, buyer: str = ALICE) -> Trade:
    return Trade(block, tx_hash, 0, buyer, STRANGER, PRICE6, amount18)


def mined(*trades: Trade, ok: bool = True, block: int = 101) -> dict[str, Receipt | None]:
    return {HASH: Receipt(HASH, ok, block, trades)}


@dataclass
class Taking:
    """Alice's take is not settled; `stage` and `tx_hash` are what the venue's response left."""

    stage: PendingStage = PendingStage.UNKNOWN
    tx_hash: str | None = None
    settle_after: float = 60.0
    alice: WalletBook = field(default_factory=taker)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    run: RunContext = field(init=False)

    def __post_init__(self) -> None:
        self.run = context_of(FakeVenue(), self.alice, book(BOB), clock=lambda: 0.0, action_log=self.action_log)
        self.run.settle_after = self.settle_after
        take = Take(ALICE, Side.BUY, AMOUNT18, PRICE6 * 2)
        pending = PendingTake("take", take, PRICE6, 2 * VALUE6, 5, 0.0, 100, self.stage, self.tx_hash)
        self.alice.takes.begin(pending, 1_000)

    def look(self, *, block: int = 101, **more: Any) -> None:
        """A read of the chain with this settlement."""
        read = replace(fleet_read([], block=block), wallets={ALICE: wallet_read(), BOB: wallet_read()})
        LiveReconciliation(self.run, read).finish(replace(Settlement((), block, {}), **more))
        self.run.read = read


def test_receipt_settles_a_take_once_it_is_too_deep_to_be_undone() -> None:
    taking = Taking(PendingStage.ACCEPTED, HASH)
    part = bought(AMOUNT18 // 2)
    taking.look(receipts=mined(part))
    taking.look(receipts=mined(part), block=103)
    assert len(taking.alice.takes) == 1
    taking.look(receipts=mined(part), block=104)
    assert len(taking.alice.takes) == 0
    assert taking.alice.takes.used6(0.0) == VALUE6 // 2, "what it traded counts, not what it might have"
    assert taking.action_log.takes == ["executed"]
    assert not taking.run.fleet.is_taking


def test_reverted_take_frees_its_part_of_the_budget() -> None:
    taking = Taking(PendingStage.ACCEPTED, HASH)
    for block in (101, 104):
        taking.look(receipts=mined(ok=False), block=block)
    assert (len(taking.alice.takes), taking.alice.takes.used6(0.0)) == (0, 0)
    assert taking.action_log.takes == ["reverted"]


def test_trade_of_its_wallet_names_the_transaction_of_a_take_without_a_response() -> None:
    taking = Taking()
    taking.look(trades=(bought(),))
    (pending,) = taking.alice.takes
    assert pending.tx_hash == HASH
    taking.run.counters.traded((bought(),), taking.run.fleet)
    assert taking.run.counters.totals.taker_trades == 1


@pytest.mark.parametrize(
    "other",
    [
        bought(buyer=STRANGER),
        Trade(101, HASH, 0, STRANGER, ALICE, PRICE6, AMOUNT18),
        bought(block=100),
    ],
    ids=["of a stranger", "on the other side", "from before it was sent"],
)
def test_other_trades_say_nothing_about_a_take(other: Trade) -> None:
    taking = Taking()
    taking.look(trades=(other,))
    (pending,) = taking.alice.takes
    assert pending.tx_hash is None


def test_trade_seen_before_the_response_is_lost_still_names_the_transaction() -> None:
    """Trades are told once: what was seen while the request was on its way must not be forgotten."""
    taking = Taking(PendingStage.SENDING, settle_after=0.0)
    taking.look(trades=(bought(),))
    (pending,) = taking.alice.takes
    assert pending.stage is PendingStage.SENDING
    pending.unacknowledged()
    assert (pending.stage, pending.tx_hash) == (PendingStage.ACCEPTED, HASH)
    for block in (102, 105):
        taking.look(receipts=mined(bought()), block=block)
    assert taking.action_log.takes == ["executed"]


def test_take_being_sent_is_neither_settled_nor_void() -> None:
    taking = Taking(PendingStage.SENDING, settle_after=0.0)
    for block in (101, 110, 120):
        taking.look(trades=(bought(),), receipts=mined(bought()), block=block)
    assert (len(taking.alice.takes), taking.action_log.takes) == (1, [])


def test_take_that_two_reads_do_not_show_is_written_off_but_still_counts_for_an_hour() -> None:
    taking = Taking(settle_after=0.0)
    taking.look()
    taking.look(block=102)
    assert len(taking.alice.takes) == 1
    taking.look(block=103)
    assert (len(taking.alice.takes), taking.action_log.takes) == (0, ["void"])
    assert taking.alice.takes.used6(0.0) == 2 * VALUE6
    assert not taking.run.fleet.is_taking
    taking.look(trades=(bought(block=104, tx_hash=OTHER_HASH),), block=104)
    taking.run.counters.traded((bought(block=104, tx_hash=OTHER_HASH),), taking.run.fleet)
    assert taking.run.counters.totals.taker_trades == 1, "it came late"


def test_take_is_not_written_off_while_the_trades_are_unknown() -> None:
    taking = Taking(settle_after=0.0)
    for block in (101, 105, 110):
        taking.look(block=block, trades=None)
    assert len(taking.alice.takes) == 1


# ---- at start-up ----


def journalled(**more: Any) -> TakenIntent:
    base = TakenIntent(ALICE, "take", Side.BUY, AMOUNT18, PRICE6 * 2, PRICE6, 2 * VALUE6, 5, 90, now_ms() - 60_000)
    return replace(base, **more)


def restarted(taken: TakenIntent, *trades: Trade) -> tuple[WalletBook, FakeVenue]:
    alice, venue = taker(), FakeVenue(trades=trades)

    async def main(clock: Callable[[], float]) -> None:
        run = context_of(venue, alice, clock=clock)
        run.read = fleet_read([alice], block=100)
        await recover(run, JournalReplay(takes={taken.intent_id: taken}))

    run_virtually(main)
    return alice, venue


@pytest.mark.parametrize("status", [None, "unknown", "pending"])
def test_unsettled_take_of_an_earlier_process_counts_and_is_never_sent_again(status: str | None) -> None:
    alice, _ = restarted(journalled(status=status, tx_hash=HASH if status == "pending" else None))
    (pending,) = alice.takes
    assert (pending.is_earlier, pending.notional6, pending.margin6) == (True, 2 * VALUE6, 5)
    assert pending.stage is (PendingStage.ACCEPTED if status == "pending" else PendingStage.UNKNOWN)


def test_trade_while_away_names_the_transaction_of_an_earlier_take() -> None:
    alice, venue = restarted(journalled(), bought(block=95))
    (pending,) = alice.takes
    assert pending.tx_hash == HASH
    assert venue.asked_blocks[-1] == (91, 100)


def test_settled_takes_of_the_last_hour_count_against_the_budget() -> None:
    alice, _ = restarted(journalled(status="executed", traded6=VALUE6))
    assert (len(alice.takes), alice.takes.spent[0][1]) == (0, VALUE6)
