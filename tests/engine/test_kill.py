"""Cancel-all: nothing is believed that two fresh reads of the chain do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ama_tui.domain.errors import RefusedError, UnreachableError
from ama_tui.domain.plan import CancelReason
from ama_tui.domain.reading import Receipt
from ama_tui.engine import kill as kill_module
from ama_tui.engine.desk import KillReport, Survivor
from ama_tui.engine.fleet import Stage, WalletBook
from ama_tui.engine.kill import PATIENCE_S, RETRY_CANCEL_S, RETRY_FAILED_S, SECONDS_FOR_A_BLOCK, CancelAll
from ama_tui.engine.sender import Sender
from tests.engine.fakes import FakeScribe, FakeVenue, context_of
from tests.engine.samples import ALICE, BOB, book, order, place, resting, sent
from tests.engine.virtual_time import run_virtually

HASH = "0x" + "77" * 32
LOST = UnreachableError("POST failed (the connection was dropped)")
REVOKED = RefusedError("refused", status=400, code="session_revoked", proves_not_sent=True)
BUSY = RefusedError("busy", status=503, code="service_temporarily_unavailable", retry_after=60.0)


@dataclass
class Killing:
    """One cancel-all of these wallets in virtual time. `blocks` come with every read."""

    venue: FakeVenue
    books: list[WalletBook] = field(default_factory=lambda: [book(ALICE), book(BOB)])
    blocks: int = 1
    seconds: float = 0.0
    scribe: FakeScribe = field(default_factory=FakeScribe)
    clock: Callable[[], float] = lambda: 0.0

    def go(self, monkeypatch: pytest.MonkeyPatch, patience: float = PATIENCE_S) -> KillReport:
        on_read = self.venue.on_read

        def read() -> Exception | None:
            self.venue.block += self.blocks
            return on_read()

        self.venue.on_read = read

        async def main(clock: Callable[[], float]) -> KillReport:
            monkeypatch.setattr(kill_module, "monotonic", clock)
            self.clock = clock
            run = context_of(self.venue, *self.books, clock=clock, scribe=self.scribe)
            sender = Sender(run, lambda: False)
            report = await CancelAll(run, sender, self.books, CancelReason.KILL, patience).finish()
            self.seconds = report.seconds
            return report

        return run_virtually(main)


def with_orders(*order_ids: int, wallet: str = ALICE) -> FakeVenue:
    return FakeVenue(open={wallet: [order(wallet, order_id) for order_id in order_ids]})


def test_every_order_is_cancelled_and_two_reads_with_a_block_between_prove_it(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1, 2, 3)
    venue.open[BOB] = [order(BOB, 4)]
    report = Killing(venue).go(monkeypatch)
    assert sorted(venue.cancels) == [1, 2, 3, 4]
    assert (report.is_proven, report.cancelled, venue.reads, report.block) == (True, 4, 3, 103)
    assert report.text == f"0 open at block 103, read twice; 4 cancelled in {report.seconds:.1f} s"


def test_where_nothing_rests_it_is_proven_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Killing(FakeVenue()).go(monkeypatch)
    assert (report.is_proven, report.cancelled) == (True, 0)


def test_without_a_new_block_the_second_read_waits_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    killing = Killing(with_orders(1), blocks=0)
    report = killing.go(monkeypatch)
    assert report.is_proven
    assert SECONDS_FOR_A_BLOCK <= killing.seconds < SECONDS_FOR_A_BLOCK + 2


def test_an_order_that_comes_to_rest_between_the_reads_is_cancelled_too(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)

    def rest_late() -> None:
        if venue.reads == 3:
            venue.open[BOB] = [order(BOB, 9)]

    venue.on_read = rest_late
    report = Killing(venue).go(monkeypatch)
    assert (report.is_proven, report.cancelled, venue.cancels) == (True, 2, [1, 9])
    assert venue.reads == 5


def test_a_read_that_fails_proves_nothing_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders()
    venue.on_read = lambda: LOST if venue.reads == 2 else None
    killing = Killing(venue)
    assert killing.go(monkeypatch).is_proven
    assert venue.reads == 4, "one empty read before the failure does not count"
    assert killing.scribe.of("NOTE") == [f"cancel-all: {LOST}"]


def test_a_wallet_that_cannot_be_read_is_never_taken_for_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)
    venue.open[BOB] = None
    report = Killing(venue).go(monkeypatch)
    assert (report.is_proven, report.unread, report.cancelled) == (False, ("bob",), 1)
    assert report.text == "could not be read: bob"


def test_a_chain_that_is_never_read_leaves_every_wallet_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)
    venue.on_read = lambda: LOST
    report = Killing(venue).go(monkeypatch)
    assert (report.is_proven, report.unread, report.block) == (False, ("alice", "bob"), 0)


def test_survivors_are_named_when_the_patience_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1, 2)
    venue.open[BOB] = [order(BOB, 3)]
    venue.on_cancel = lambda order_id: REVOKED if order_id == 3 else None
    report = Killing(venue).go(monkeypatch)
    assert (report.is_proven, report.cancelled, report.survivors) == (False, 2, (Survivor(BOB, "bob", 3),))
    assert report.text.startswith("1 still open at block")
    assert report.text.endswith("bob 3")


def test_a_wallet_without_a_session_keeps_its_orders_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bob = book(BOB)
    bob.session_id = None
    venue = with_orders(3, wallet=BOB)
    report = Killing(venue, [book(ALICE), bob]).go(monkeypatch)
    assert (venue.cancels, [one.order_id for one in report.survivors]) == ([], [3])


@pytest.mark.parametrize("error", [REVOKED, LOST])
def test_a_cancel_that_fails_is_tried_again_but_not_at_every_read(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A venue in trouble is not flooded with what it has just refused."""
    venue = with_orders(*range(1, 13))
    venue.on_cancel = lambda _: error
    report = Killing(venue).go(monkeypatch)
    assert len(report.survivors) == 12
    assert 2 <= len(venue.cancels) / 12 <= 1 + PATIENCE_S / RETRY_FAILED_S


def test_a_cancel_whose_reply_was_lost_counts_when_its_order_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)

    def lose_reply(order_id: int) -> Exception:
        venue.open[ALICE] = []
        return LOST

    venue.on_cancel = lose_reply
    report = Killing(venue).go(monkeypatch)
    assert (report.is_proven, report.cancelled, venue.cancels) == (True, 1, [1])


def test_a_cancel_that_reverts_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)
    cancel = venue.cancel_order

    async def revert_once(*args: Any, order_id: int) -> object:
        answer = await cancel(*args, order_id=order_id)
        if len(venue.cancels) == 1:
            venue.open[ALICE] = [order(ALICE, 1)]
        return answer

    monkeypatch.setattr(venue, "cancel_order", revert_once)
    killing = Killing(venue)
    report = killing.go(monkeypatch)
    assert (report.is_proven, venue.cancels) == (True, [1, 1])
    assert killing.seconds > RETRY_CANCEL_S


def test_retry_after_holds_a_kill_back_for_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)
    venue.on_cancel = lambda _: BUSY if len(venue.cancels) == 1 else None
    killing = Killing(venue)
    report = killing.go(monkeypatch)
    assert (report.is_proven, venue.cancels) == (True, [1, 1])
    assert killing.seconds < 20


# ---- placements that were sent before the freeze ----


def test_an_answered_placement_is_awaited_until_its_receipt_and_then_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = place()
    alice = book(ALICE, sent(placed, tx_hash=HASH))
    venue = FakeVenue()

    def mine_late() -> None:
        if venue.reads == 4:
            venue.open[ALICE] = [resting(placed, 7)]
            venue.receipts_by_hash[HASH] = Receipt(HASH, True, 104)

    venue.on_read = mine_late
    report = Killing(venue, [alice]).go(monkeypatch)
    assert (report.is_proven, report.cancelled, venue.cancels) == (True, 1, [7])


def test_a_reverted_placement_is_awaited_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = book(ALICE, sent(place(), tx_hash=HASH))
    venue = FakeVenue(receipts_by_hash={HASH: Receipt(HASH, False, 90)})
    report = Killing(venue, [alice]).go(monkeypatch)
    assert (report.is_proven, venue.reads) == (True, 2)


def test_a_receipt_of_a_later_block_than_the_read_settles_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order may rest in a block that this read has not seen."""
    alice = book(ALICE, sent(place(), tx_hash=HASH))
    venue = FakeVenue(receipts_by_hash={HASH: Receipt(HASH, True, 105)})
    report = Killing(venue, [alice]).go(monkeypatch)
    assert report.is_proven
    assert report.block > 105


@pytest.mark.parametrize("stage", [Stage.WIRE, Stage.UNKNOWN])
def test_a_placement_that_nobody_answers_for_leaves_the_kill_unproven(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    alice = book(ALICE, sent(place(), stage=stage))
    report = Killing(FakeVenue(), [alice]).go(monkeypatch)
    assert (report.is_proven, report.unsettled) == (False, 1)
    assert report.text == "1 sent orders that nobody answered for may still come to rest"


def test_an_unknown_placement_that_shows_up_is_cancelled_and_the_kill_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = place()
    alice = book(ALICE, sent(placed, stage=Stage.UNKNOWN))
    venue = FakeVenue(open={ALICE: [resting(placed, 5)]})
    report = Killing(venue, [alice]).go(monkeypatch)
    assert (report.is_proven, venue.cancels) == (True, [5])
