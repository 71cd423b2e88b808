"""Cancel-all: a kill is proven only by what two fresh reads of the chain show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ama_tui.domain.errors import RpcError
from ama_tui.domain.reading import OrderHistory, OrderModified, OrderRested, OrdersRead, Receipt, Trade
from ama_tui.domain.session import Methods, SessionRecord
from ama_tui.engine.cancel.kill import PATIENCE_S
from ama_tui.engine.cancel.worker import RETRY_CANCEL_S, RETRY_FAILED_S
from ama_tui.engine.engine_api import Survivor
from ama_tui.engine.pending_orders import PendingPlacement
from ama_tui.engine.reconciliation.rules import SECONDS_WITHOUT_A_BLOCK as SECONDS_FOR_A_BLOCK
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.cancel.killing import BUSY, HASH, LOST, NOW, REVOKED, Killing, session_of, with_orders
from tests.engine.fakes import FakeVenue, no_record, record
from tests.engine.samples import ALICE, BOB, PRICE6, SIZE18, book, order, pending, place, resting, wallet_read


def test_kill_cancels_every_order_and_is_proven_by_two_reads_two_blocks_apart() -> None:
    venue = with_orders(1, 2, 3)
    venue.open[BOB] = [order(BOB, 4)]
    report = Killing(venue).go()
    assert sorted(venue.cancels) == [1, 2, 3, 4]
    assert (report.is_proven, report.cancelled, venue.reads, report.block) == (True, 4, 4, 104)
    assert report.text == (
        f"0 open at block 104, confirmed twice; 4 cancelled in {report.seconds:.1f} s; "
        "checked against the book's events and the vault"
    )


def test_kill_without_open_orders_is_still_proven() -> None:
    report = Killing(FakeVenue()).go()
    assert (report.is_proven, report.cancelled) == (True, 0)


def test_second_read_waits_a_fixed_time_when_no_block_arrives() -> None:
    killing = Killing(with_orders(1), blocks=0)
    report = killing.go()
    assert report.is_proven
    assert SECONDS_FOR_A_BLOCK <= killing.seconds < SECONDS_FOR_A_BLOCK + 2


def test_order_that_rests_between_the_reads_is_cancelled_too() -> None:
    venue = with_orders(1)

    def rest_late() -> None:
        if venue.reads == 3:
            venue.open[BOB] = [order(BOB, 9)]

    venue.on_read = rest_late
    report = Killing(venue).go()
    assert (report.is_proven, report.cancelled, venue.cancels) == (True, 2, [1, 9])
    assert venue.reads == 6


def test_failed_read_proves_nothing_and_is_retried() -> None:
    venue = with_orders()
    venue.on_read = lambda: LOST if venue.reads == 2 else None
    killing = Killing(venue)
    assert killing.go().is_proven
    assert venue.reads == 5, "one empty read before the failure does not count"
    assert killing.action_log.of("NOTE") == [f"cancel-all: {LOST}"]


def test_unreadable_wallet_does_not_count_as_empty() -> None:
    venue = with_orders(1)
    venue.open[BOB] = None
    report = Killing(venue).go()
    assert (report.is_proven, report.unread, report.cancelled) == (False, ("bob",), 1)
    assert report.text == "could not read bob"


def test_every_wallet_is_unread_when_the_chain_never_answers() -> None:
    venue = with_orders(1)
    venue.on_read = lambda: LOST
    report = Killing(venue).go()
    assert (report.is_proven, report.unread, report.block) == (False, ("alice", "bob"), 0)


def test_survivors_are_listed_when_the_kill_runs_out_of_time() -> None:
    venue = with_orders(1, 2)
    venue.open[BOB] = [order(BOB, 3)]
    venue.on_cancel = lambda order_id: REVOKED if order_id == 3 else None
    report = Killing(venue).go()
    assert (report.is_proven, report.cancelled, report.survivors) == (False, 2, (Survivor(BOB, "bob", 3),))
    assert report.text.startswith("1 still open at block")
    assert report.text.endswith("bob 3")


# ---- sessions that cannot cancel ----


@pytest.mark.parametrize(
    "stored",
    [
        record(BOB, session_of(BOB), expiry=999),
        record(BOB, session_of(BOB), revoked=True),
        record(BOB, session_of(BOB), root="0x" + "00" * 32),
        record(BOB, session_of(BOB), methods=Methods.PLACE_MARGIN_LIMIT),
        no_record(session_of(BOB)),
        "none",
    ],
    ids=["expired", "revoked", "other relayers", "may not cancel", "unknown", "none"],
)
def test_wallet_whose_session_cannot_cancel_gets_a_cancel_only_session(
    stored: SessionRecord | str,
) -> None:
    bob = book(BOB)
    venue = with_orders(3, wallet=BOB)
    venue.block_time = 1_000
    if isinstance(stored, SessionRecord):
        venue.records[session_of(BOB)] = stored
    else:
        bob.session.drop()
    report = Killing(venue, [book(ALICE), bob]).go()
    assert (report.is_proven, report.cancelled, venue.open[BOB]) == (True, 1, [])
    assert [(permit.trader, permit.methods) for permit in venue.permits] == [(BOB, Methods.CANCEL)]


def test_wallet_without_orders_gets_no_cancel_session() -> None:
    venue = with_orders(1)
    venue.records[session_of(BOB)] = record(BOB, session_of(BOB), revoked=True)
    assert Killing(venue).go().is_proven
    assert venue.permits == []


def test_orders_of_a_wallet_without_session_or_key_are_reported_as_survivors() -> None:
    bob = book(BOB)
    bob.session.drop()
    venue = with_orders(3, wallet=BOB)
    venue.without_key = (BOB,)
    report = Killing(venue, [book(ALICE), bob]).go()
    assert (venue.cancels, [one.order_id for one in report.survivors]) == ([], [3])


def test_refused_session_is_requested_again() -> None:
    venue = with_orders(3, wallet=BOB)
    venue.records[session_of(BOB)] = record(BOB, session_of(BOB), expiry=999)
    venue.on_init = lambda _: LOST if len(venue.permits) < 3 else None
    assert Killing(venue).go().is_proven
    assert len(venue.permits) == 3


def test_kill_waits_for_a_node_that_does_not_know_the_new_session_yet() -> None:
    venue = with_orders(*range(1, 6))
    venue.records[session_of(ALICE)] = record(ALICE, session_of(ALICE), expiry=999)
    venue.created = lambda permit: None  # type: ignore[method-assign]
    assert Killing(venue).go().is_proven
    assert len(venue.permits) == 1


@pytest.mark.parametrize("error", [REVOKED, LOST])
def test_failed_cancel_is_retried_but_not_on_every_read(error: Exception) -> None:
    """Do not flood a struggling venue with requests it has just refused."""
    venue = with_orders(*range(1, 13))
    venue.on_cancel = lambda _: error
    report = Killing(venue).go()
    assert len(report.survivors) == 12
    assert 2 <= len(venue.cancels) / 12 <= 1 + PATIENCE_S / RETRY_FAILED_S


def test_order_that_disappears_after_a_lost_cancel_reply_counts_as_cancelled() -> None:
    venue = with_orders(1)

    def lose_reply(order_id: int) -> Exception:
        venue.ended(ALICE, order_id)
        return LOST

    venue.on_cancel = lose_reply
    report = Killing(venue).go()
    assert (report.is_proven, report.cancelled, venue.cancels) == (True, 1, [1])


def test_reverted_cancel_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = with_orders(1)
    cancel = venue.cancel_order

    async def revert_once(*args: Any, order_id: int) -> object:
        answer = await cancel(*args, order_id=order_id)
        if len(venue.cancels) == 1:
            venue.open[ALICE] = [order(ALICE, 1)]
        return answer

    monkeypatch.setattr(venue, "cancel_order", revert_once)
    killing = Killing(venue)
    report = killing.go()
    assert (report.is_proven, venue.cancels) == (True, [1, 1])
    assert killing.seconds > RETRY_CANCEL_S


def test_retry_after_delays_a_kill_by_seconds_only() -> None:
    venue = with_orders(1)
    venue.on_cancel = lambda _: BUSY if len(venue.cancels) == 1 else None
    killing = Killing(venue)
    report = killing.go()
    assert (report.is_proven, venue.cancels) == (True, [1, 1])
    assert killing.seconds < 20


# ---- placements sent before the freeze ----


def test_accepted_placement_is_awaited_until_its_receipt_then_cancelled() -> None:
    placed = place()
    alice = book(ALICE, pending(placed, at=NOW, tx_hash=HASH))
    venue = FakeVenue()

    def mine_late() -> None:
        if venue.reads == 4:
            venue.open[ALICE] = [resting(placed, 7)]
            venue.receipts_by_hash[HASH] = Receipt(HASH, True, 104)

    venue.on_read = mine_late
    report = Killing(venue, [alice]).go()
    assert (report.is_proven, report.cancelled, venue.cancels) == (True, 1, [7])


def test_reverted_placement_is_no_longer_awaited() -> None:
    alice = book(ALICE, pending(place(), at=NOW, tx_hash=HASH))
    venue = FakeVenue(receipts_by_hash={HASH: Receipt(HASH, False, 90)})
    report = Killing(venue, [alice]).go()
    assert (report.is_proven, venue.reads) == (True, 6)  # until it is three blocks deep, then the proof


def test_receipt_from_a_block_after_the_read_does_not_resolve_the_placement() -> None:
    """The order may rest in a block that this read has not seen."""
    alice = book(ALICE, pending(place(), at=NOW, tx_hash=HASH))
    venue = FakeVenue(receipts_by_hash={HASH: Receipt(HASH, True, 105)})
    report = Killing(venue, [alice]).go()
    assert report.is_proven
    assert report.block > 105


@pytest.mark.parametrize("stage", [PendingStage.SENDING, PendingStage.UNKNOWN])
def test_session_behind_an_unacknowledged_placement_is_revoked_to_prove_the_kill(
    stage: PendingStage,
) -> None:
    venue = FakeVenue()
    alice = book(ALICE, pending(place(), at=NOW, stage=stage))
    killing = Killing(venue, [alice, book(BOB)])
    report = killing.go()
    assert (report.is_proven, report.revoked, venue.revokes) == (True, ("alice",), [session_of(ALICE)])
    assert PATIENCE_S / 2 <= killing.seconds < PATIENCE_S / 2 + 5
    assert list(alice.pending) == []


def test_placement_older_than_the_venue_timeout_is_resolved_by_its_absence() -> None:
    venue = FakeVenue()
    killing = Killing(venue, [book(ALICE, pending(place(), at=NOW - 61, stage=PendingStage.UNKNOWN))])
    assert killing.go().is_proven
    assert (venue.revokes, killing.seconds < 5) == ([], True)


def test_reads_before_the_revocation_do_not_prove_the_kill() -> None:
    venue = FakeVenue()
    placed = place()
    revoked_at = 0

    def revoke(session: str) -> None:
        nonlocal revoked_at
        revoked_at = venue.block = venue.block + 7
        venue.open[ALICE] = [resting(placed, 7)]  # it came to rest just before

    venue.on_revoke = revoke
    report = Killing(venue, [book(ALICE, pending(placed, at=NOW, stage=PendingStage.UNKNOWN))]).go()
    assert (report.is_proven, venue.cancels, report.revoked) == (True, [7], ("alice",))
    assert report.block >= revoked_at + 2
    assert [permit.methods for permit in venue.permits] == [Methods.CANCEL], "the old session can cancel no more"


def test_kill_is_unproven_when_the_session_cannot_be_revoked() -> None:
    venue = FakeVenue(on_revoke=lambda _: LOST)
    report = Killing(venue, [book(ALICE, pending(place(), at=NOW, stage=PendingStage.UNKNOWN))]).go()
    assert (report.is_proven, report.unsettled, report.revoked) == (False, 1, ())
    assert report.text == "1 unacknowledged orders may still reach the book"
    assert len(venue.revokes) > 1


def test_placement_under_an_expired_session_counts_as_resolved() -> None:
    venue = FakeVenue(records={session_of(ALICE): record(ALICE, session_of(ALICE), expiry=999)})
    killing = Killing(venue, [book(ALICE, pending(place(), at=NOW, stage=PendingStage.UNKNOWN))])
    assert killing.go().is_proven
    assert (venue.revokes, killing.seconds < 5) == ([], True)


def test_unknown_placement_that_appears_is_cancelled_and_the_kill_proven() -> None:
    placed = place()
    alice = book(ALICE, pending(placed, at=NOW, stage=PendingStage.UNKNOWN))
    venue = FakeVenue(open={ALICE: [resting(placed, 5)]})
    report = Killing(venue, [alice]).go()
    assert (report.is_proven, venue.cancels) == (True, [5])


# ---- witnesses ----


class Hiding(FakeVenue):
    """A node that hides every order."""

    async def open_orders(
        self, book: str, wallets: list[str], known: object = None, vault: str | None = None
    ) -> OrdersRead:
        read = await super().open_orders(book, wallets)
        return replace(read, orders=dict.fromkeys(wallets, ()))


def hidden_orders() -> Killing:
    hiding = Hiding(open={ALICE: [order(ALICE, 1), order(ALICE, 2)]})
    alice = book(ALICE)
    alice.take_read(wallet_read(order(ALICE, 1), order(ALICE, 2)), 100)
    return Killing(hiding, [alice])


def test_orders_hidden_by_the_node_are_still_cancelled() -> None:
    killing = hidden_orders()
    report = killing.go()
    assert (report.is_proven, killing.venue.cancels, killing.venue.open[ALICE]) == (True, [1, 2], [])


def test_orders_hidden_from_every_read_leave_the_kill_unproven() -> None:
    killing = hidden_orders()
    killing.venue.on_cancel = lambda _: LOST
    report = killing.go()
    assert not report.is_proven
    assert report.text.startswith("2 orders are not shown, but no trade or cancel ended them: 1, 2")


def only_in_events() -> Killing:
    """Two orders that nothing but the book's events shows; the kill's own process has never seen them."""
    events = tuple(OrderRested(one, ALICE, PRICE6, SIZE18, True, True) for one in (1, 2))
    open_orders = [order(ALICE, 1), order(ALICE, 2)]
    hiding = Hiding(open={ALICE: open_orders}, on_history=lambda start: OrderHistory(start, events, ()))
    return Killing(hiding, [book(ALICE)], look_back_from=1)


def test_orders_that_only_events_show_are_cancelled_too() -> None:
    killing = only_in_events()
    report = killing.go()
    assert (report.is_proven, killing.venue.cancels, killing.venue.open[ALICE]) == (True, [1, 2], [])
    assert report.witnesses == "the book's events and the vault"


def test_orders_that_only_events_show_leave_the_kill_unproven_while_they_rest() -> None:
    killing = only_in_events()
    killing.venue.on_cancel = lambda _: LOST
    report = killing.go()
    assert (report.is_proven, killing.venue.open[ALICE]) == (False, [order(ALICE, 1), order(ALICE, 2)])
    assert report.text.startswith("2 orders are not shown, but no trade or cancel ended them: 1, 2")


def test_proof_by_a_node_without_events_does_not_name_them_as_a_witness() -> None:
    killing = only_in_events()
    killing.venue = FakeVenue(on_history=refusing(RpcError("no logs here")))
    report = killing.go()
    assert (report.is_proven, report.witnesses) == (True, "the vault")


def test_events_that_cannot_be_read_now_leave_the_kill_unproven() -> None:
    killing = only_in_events()
    killing.venue = FakeVenue(on_history=refusing(LOST))
    report = killing.go()
    assert (report.is_proven, report.text) == (False, f"the book's events could not be read ({LOST.message})")


def refusing(error: Exception) -> Callable[[int], OrderHistory]:
    def refuse(_: int) -> OrderHistory:
        raise error

    return refuse


def test_margin_still_reserved_in_the_vault_leaves_the_kill_unproven() -> None:
    class Holding(FakeVenue):
        async def open_orders(
            self, book: str, wallets: list[str], known: object = None, vault: str | None = None
        ) -> OrdersRead:
            read = await super().open_orders(book, wallets)
            return replace(read, available6=dict.fromkeys(wallets, 1_000))

    report = Killing(Holding(open={ALICE: [order(ALICE, 1)]}), [book(ALICE)]).go()
    assert not report.is_proven
    assert report.text == "the vault still holds the margin of 1 wallets"


@pytest.mark.parametrize(("shown", "says"), [(1, "the second node shows 1 open orders"), (0, "")])
def test_order_shown_by_the_second_node_leaves_the_kill_unproven(shown: int, says: str) -> None:
    second = FakeVenue(open={ALICE: [order(ALICE, 7)] * shown}, block=10_000)
    report = Killing(with_orders(1), second=second).go()
    assert report.is_proven == (not says)
    assert says in report.text
    assert "a second node" in report.witnesses
    assert report.objections == ((says,) if says else ())


# ---- moves ----


def moving() -> tuple[WalletBook, PendingPlacement]:
    """Alice, one of whose orders is being moved to id 6."""
    alice = book(ALICE)
    alice.take_read(wallet_read(resting(place(level=2, sequence=1), 5)), 90)
    moved = PendingPlacement("move", place(level=2, sequence=4), NOW, stage=PendingStage.UNKNOWN, moves=5)
    alice.pending.add(moved)
    return alice, moved


def test_kill_during_a_move_cancels_the_new_order_and_is_proven_by_its_end() -> None:
    alice, moved = moving()
    replacement = resting(moved.place, 6)
    event = OrderModified(5, 6, ALICE, replacement.price6, replacement.amount18, 99, "0x" + "e1" * 32)
    venue = FakeVenue(open={ALICE: [replacement]}, modified=(event,))
    report = Killing(venue, [alice]).go()
    assert (report.is_proven, venue.cancels) == (True, [6])


def test_kill_during_a_move_that_did_not_happen_cancels_the_old_order() -> None:
    alice, _ = moving()
    venue = FakeVenue(open={ALICE: [resting(place(level=2, sequence=1), 5)]})
    report = Killing(venue, [alice]).go()
    assert venue.cancels == [5]
    assert report.is_proven


def test_moved_order_that_every_read_hides_leaves_the_kill_unproven_until_it_is_cancelled() -> None:
    """Only the event names the new id: it is cancelled, and the proof waits for its end."""
    alice, moved = moving()
    alice.pending.remove(moved)
    replacement = resting(moved.place, 6)
    event = OrderModified(5, 6, ALICE, replacement.price6, replacement.amount18, 99, "0x" + "e1" * 32)
    hiding = Hiding(open={ALICE: [replacement]}, modified=(event,))
    report = Killing(hiding, [alice]).go()
    assert (report.is_proven, hiding.cancels) == (True, [6])


def test_moved_order_that_traded_on_arrival_needs_no_other_end() -> None:
    alice, moved = moving()
    alice.pending.remove(moved)
    amount18, tx_hash = moved.place.amount18, "0x" + "e1" * 32
    event = OrderModified(5, 6, ALICE, moved.place.price6, amount18, 99, tx_hash)
    on_arrival = Trade(99, tx_hash, 0, ALICE, BOB, PRICE6 - 7, amount18)
    report = Killing(FakeVenue(modified=(event,), trades=(on_arrival,)), [alice]).go()
    assert report.is_proven
