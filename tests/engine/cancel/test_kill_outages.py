"""Cancel-all during an outage: whatever fails, it reports no more than the chain shows."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.event import KillProgress, KillStage
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import OrdersRead, SessionCreated, TradeResponse
from ama_tui.domain.session import SessionPermit
from ama_tui.engine.cancel.kill import BETWEEN_READS_S, PATIENCE_S, SILENCE_S
from ama_tui.engine.cancel.time_left import LONGEST_STOP_S
from ama_tui.engine.cancel.worker import LONGEST_CANCEL_S
from ama_tui.engine.sent_request import PendingStage
from tests.engine.cancel.killing import BUSY, HASH, LOST, NOW, REVOKED, Killing, session_of, with_orders
from tests.engine.fakes import FakeVenue
from tests.engine.samples import ALICE, BOB, book, order, pending, place, resting, wallet_read


def test_read_of_an_older_block_proves_nothing() -> None:
    venue = FakeVenue()

    def lag() -> None:
        if venue.reads == 2:
            venue.block -= 10

    venue.on_read = lag
    report = Killing(venue).go()
    # 101; 92, which is older; every read after that is older too until 101 is reached again.
    assert (report.is_proven, report.block) == (True, 103)
    assert venue.reads > 10


def test_wallet_whose_cancels_hang_does_not_hold_up_the_others() -> None:
    venue = with_orders(1, 2)
    venue.open[BOB] = [order(BOB, 3), order(BOB, 4)]
    cancel, asked_at = venue.cancel_order, dict[int, float]()
    killing = Killing(venue)

    async def slow(book: str, session: str, trader: str, *, order_id: int) -> object:
        asked_at.setdefault(order_id, killing.clock())
        if trader == ALICE and len([one for one in asked_at if one < 3]) == 1:
            await asyncio.sleep(3600)
        return await cancel(book, session, trader, order_id=order_id)

    venue.cancel_order = slow  # type: ignore[method-assign,assignment]
    report = killing.go()
    assert (report.is_proven, report.cancelled) == (True, 4)
    assert asked_at[4] - NOW < 1 < asked_at[2] - NOW < LONGEST_CANCEL_S + 1


def test_retry_after_delays_a_wallets_cancels_once_not_one_by_one() -> None:
    venue = with_orders(*range(1, 21))
    venue.on_cancel = lambda _: BUSY if len(venue.cancels) % 3 == 0 else None
    killing = Killing(venue)
    assert killing.go().is_proven
    assert killing.seconds < 40


def test_last_read_decides_what_is_reported_as_left() -> None:
    """Orders that disappeared at the last moment are not survivors, although a single read proves nothing."""
    venue = with_orders(1, 2)
    killing = Killing(venue)
    venue.on_cancel = lambda _: REVOKED

    def fill_late() -> None:
        if killing.clock() >= NOW + 10.0 - BETWEEN_READS_S:
            venue.open[ALICE] = []

    venue.on_read = fill_late
    report = killing.go(patience=10.0)
    assert (report.is_proven, report.survivors, report.unread) == (False, (), ())
    assert report.text == f"0 open at block {report.block}, but confirmed by one read only"


def test_failed_last_read_lists_known_survivors_and_marks_every_wallet_unread() -> None:
    venue = with_orders(1)
    venue.on_cancel = lambda _: REVOKED
    killing = Killing(venue)
    venue.on_read = lambda: LOST if killing.clock() > NOW + 5 else None
    report = killing.go(patience=10.0)
    assert ([one.order_id for one in report.survivors], report.unread) == ([1], ("alice", "bob"))
    assert killing.seconds <= 10


def test_hanging_node_does_not_extend_the_kill_past_its_deadline() -> None:
    venue = with_orders(1)

    async def hang(*_: object) -> object:
        await asyncio.sleep(3600)
        return None

    venue.open_orders = hang  # type: ignore[method-assign,assignment]
    killing = Killing(venue)
    report = killing.go()
    assert (report.is_proven, report.unread) == (False, ("alice", "bob"))
    assert killing.seconds <= PATIENCE_S
    assert "cancel-all: no response from the chain within 20 s" in killing.action_log.of("NOTE")


def silent_chain(until: float) -> Killing:
    """A run that knows two orders of alice, and a chain that does not answer until then; the venue's API works."""
    venue = with_orders(1, 2)
    alice = book(ALICE)
    alice.take_read(wallet_read(order(ALICE, 1), order(ALICE, 2)), 100)
    killing = Killing(venue, [alice])
    answer = venue.open_orders

    async def hang(*arguments: Any, **more: Any) -> OrdersRead:
        await asyncio.sleep(max(0.0, until - killing.clock()))
        return await answer(*arguments, **more)

    venue.open_orders = hang  # type: ignore[method-assign]
    return killing


def test_known_orders_are_cancelled_once_although_the_chain_is_silent() -> None:
    killing = silent_chain(until=NOW + 3600)
    report = killing.go()
    assert (killing.venue.cancels, killing.venue.open[ALICE]) == ([1, 2], [])
    assert (report.is_proven, report.unread) == (False, ("alice",))
    assert killing.progress[-1].sent == 2


def test_kill_is_proven_once_the_chain_shows_what_was_cancelled_without_it() -> None:
    killing = silent_chain(until=NOW + 9)
    report = killing.go()
    assert (report.is_proven, report.cancelled, killing.venue.cancels) == (True, 2, [1, 2])


def test_refused_cancel_is_repeated_while_the_chain_is_silent() -> None:
    killing = silent_chain(until=NOW + 3600)
    killing.venue.on_cancel = lambda order_id: LOST if len(killing.venue.cancels) == 1 else None
    killing.go()
    assert sorted(killing.venue.cancels) == [1, 1, 2]


def test_chain_that_answers_decides_what_is_cancelled() -> None:
    killing = silent_chain(until=NOW + SILENCE_S / 2)
    killing.venue.open[ALICE] = [order(ALICE, 2)]
    killing.venue.filled(order(ALICE, 1))
    assert (killing.go().is_proven, killing.venue.cancels) == (True, [2])


def test_no_read_is_begun_without_time_for_it() -> None:
    killing = silent_chain(until=NOW + 3600)
    killing.go()
    assert not [text for text in killing.action_log.of("NOTE") if "within 0 s" in text]


def test_read_whose_time_is_over_before_it_begins_leaves_no_call_unawaited() -> None:
    """A call that is never awaited is a warning, and so a failure here and a line on the operator's terminal."""
    report = Killing(with_orders(1)).go(patience=0.0)
    assert (report.is_proven, report.unread) == (False, ("alice", "bob"))


def test_stop_ends_the_kill_after_the_current_pass() -> None:
    venue = with_orders(*range(1, 6))
    venue.open[BOB] = [order(BOB, 9)]
    killing = Killing(venue)
    killing.stop.set()
    report = killing.go()
    assert (report.cancelled, venue.reads, report.is_proven) == (6, 2, False)
    assert killing.seconds < 1


def test_stop_does_not_wait_for_a_hanging_node() -> None:
    venue = with_orders(1)
    killing = Killing(venue)

    async def hang(*_: object) -> object:
        asyncio.get_running_loop().call_later(5, killing.stop.set)
        await asyncio.sleep(3600)
        return None

    venue.open_orders = hang  # type: ignore[method-assign,assignment]
    report = killing.go()
    assert (report.is_proven, report.unread) == (False, ("alice", "bob"))
    assert killing.seconds <= 5 + LONGEST_STOP_S


def test_progress_counts_cancelled_out_of_found_orders() -> None:
    killing = Killing(with_orders(1, 2, 3))
    report = killing.go()
    assert killing.progress[0].stage is KillStage.READ
    assert [one.total for one in killing.progress][-2:] == [3, 3]
    assert killing.progress[-1] == KillProgress(3, 3, 3, report.block, KillStage.CHECK, empty_reads=2)


def test_progress_shows_how_long_the_chain_is_silent_and_when_it_answers_again() -> None:
    """Failed reads do not restart the wait; the first good read ends it."""
    venue = with_orders(1)
    killing = Killing(venue)
    venue.on_read = lambda: LOST if NOW + 2 < killing.clock() < NOW + 9 else None
    venue.on_cancel = lambda _: REVOKED if killing.clock() < NOW + 12 else None
    assert killing.go().is_proven
    said = [one.waiting_for for one in killing.progress]
    assert list(dict.fromkeys(said)) == [
        "",
        "cancels of 1 wallet not accepted by the venue",
        "chain not answering",
        "next blocks: the second read must be two after 128",
    ]
    silent = said.index("chain not answering")
    assert "cancels of 1 wallet not accepted by the venue" in said[silent:]
    assert said[-1] == ""
    assert len({one.waiting_since_ms for one in killing.progress if one.waiting_for == said[silent]}) == 1


def test_progress_names_the_second_read_the_order_or_the_witness_it_waits_for() -> None:
    stuck = Killing(FakeVenue(), blocks=0)
    stuck.go(patience=5.0)
    assert stuck.progress[-1].waiting_for.startswith("next blocks: the second read must be two after ")
    assert (stuck.progress[-1].stage, stuck.progress[-1].empty_reads) == (KillStage.CONFIRM, 1)
    unresolved = Killing(FakeVenue(), books=[book(ALICE, pending(place(ALICE)))])
    unresolved.go(patience=5.0)
    assert "1 unacknowledged order may still reach the book" in [one.waiting_for for one in unresolved.progress]
    behind = Killing(with_orders(1), second=FakeVenue(block=1))
    report = behind.go(patience=5.0)
    assert behind.progress[-1].waiting_for == report.objections[0]


@dataclass
class Storm(FakeVenue):
    """A venue where anything may fail: reads lag, traders fill orders, late orders reach the book."""

    random: Random = field(default_factory=Random)
    rate: float = 0.5
    late: list[tuple[int, RestingOrder]] = field(default_factory=list)
    accepted_at: dict[str, int] = field(default_factory=dict)

    def _fails(self) -> bool:
        return self.random.random() < self.rate

    def _pass(self) -> None:
        """Mine a block: late orders rest unless their session was revoked; some orders are filled."""
        for after, one in list(self.late):
            if self.reads >= after:
                self.late.remove((after, one))
                session = self.records[session_of(one.trader)]
                if session is not None and not session.revoked:
                    self.open.setdefault(one.trader, []).append(one)  # type: ignore[union-attr]
        for wallet, orders in self.open.items():
            if orders and self.random.random() < 0.1:
                self.filled(orders[0])
                self.open[wallet] = orders[1:]

    async def open_orders(
        self, book: str, wallets: list[str], known: object = None, vault: str | None = None
    ) -> OrdersRead:
        self._pass()
        if self._fails():
            self.reads += 1
            raise LOST
        read = await super().open_orders(book, wallets)
        if self.random.random() < 0.2:
            return replace(read, block=read.block - 5)
        return read

    async def cancel_order(self, book: str, session: str, trader: str, *, order_id: int) -> TradeResponse:
        await asyncio.sleep(self.random.random() * 3)
        self.cancels.append(order_id)
        what = self.random.choice(["lost", "busy", "executed"]) if self._fails() else "fine"
        record = self.records.get(session)
        if what in ("fine", "executed") and record is not None and not record.revoked:
            self.ended(trader, order_id)
        if what == "busy":
            raise BUSY
        if what != "fine":
            raise LOST
        return TradeResponse(HASH, pending=True)

    async def session_revoke(self, book: str, session: str) -> TradeResponse:
        if self._fails():
            raise LOST
        return await super().session_revoke(book, session)

    async def session_init(self, book: str, permit: SessionPermit, signature: str) -> SessionCreated:
        if self._fails():
            raise LOST
        return await super().session_init(book, permit, signature)


@given(
    seed=st.integers(0, 2**32),
    counts=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    late=st.lists(st.integers(1, 80), max_size=2),
    rate=st.sampled_from([0.0, 0.3, 0.5]),
)
@settings(max_examples=150 if os.environ.get("AMA_TUI_LONG") != "1" else 20_000)
def test_kill_report_matches_the_chain_whatever_fails(
    seed: int, counts: tuple[int, int], late: list[int], rate: float
) -> None:
    """Proven means nothing rests and nothing will; everything that rests is listed."""
    storm = Storm(random=Random(seed), rate=rate)
    ids = iter(range(1, 100))
    books = [book(ALICE), book(BOB)]
    for one, number in zip(books, counts, strict=True):
        storm.open[one.address] = [order(one.address, next(ids)) for _ in range(number)]
    for level, after in enumerate(late, start=1):
        placed = place(ALICE, level=level, sequence=level)
        under_way = pending(placed, at=NOW, stage=PendingStage.UNKNOWN)
        books[0].pending.add(under_way)
        storm.late.append((after, resting(placed, next(ids))))
    report = Killing(storm, books).go()
    rests = {one.order_id for orders in storm.open.values() for one in orders or ()}
    coming = [one for _, one in storm.late if not storm.records[session_of(one.trader)].revoked]  # type: ignore[union-attr]
    if report.is_proven:
        assert (rests, coming) == (set(), [])
    elif not report.unread:
        assert rests <= {one.order_id for one in report.survivors}
    if rate == 0.0:
        assert report.is_proven
