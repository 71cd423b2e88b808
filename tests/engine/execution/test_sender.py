"""The one way out: gate, write ahead, look again, POST, outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import pytest

from ama_tui.domain.errors import JournalError, MalformedError, RefusedError, UnreachableError, VenueError
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, Intent, Place, SkipReason, WalletBudget
from ama_tui.engine.execution.pre_trade_checks import SELF_TRADE
from ama_tui.engine.execution.sender import SESSION_PROBLEMS, Sender
from ama_tui.engine.pending_orders import PendingStage
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeScribe, FakeVenue, context_of, record
from tests.engine.samples import ALICE, BOB, PRICE6, TICK6, book, cancel, fleet_read, pending, place, trade
from tests.engine.virtual_time import run_virtually

HASH = "0x" + "77" * 32
LOST = UnreachableError("POST failed: no response within 30 s")


def refused(code: str, status: int = 400, *, proves: bool = True, **more: Any) -> RefusedError:
    return RefusedError(f"refused: {code}", status=status, code=code, proves_not_sent=proves, **more)


@dataclass
class Desk:
    """A sender of two wallets on the fakes, after a fresh read."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeScribe = field(default_factory=FakeScribe)
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    bob: WalletBook = field(default_factory=lambda: book(BOB))
    may_place: bool = True
    run: RunContext = field(init=False)

    def __post_init__(self) -> None:
        self.run = context_of(self.venue, self.alice, self.bob, clock=monotonic, action_log=self.action_log)
        self.read()

    def read(self, **prices: Any) -> None:
        self.run.read, self.run.read_at = fleet_read([self.alice, self.bob], **prices), monotonic()

    def send(self, intent: Intent) -> bool:
        async def main(clock: Callable[[], float]) -> bool:
            async with self.run.rate_limiter.slot(is_cancel=isinstance(intent, Cancel)) as slot:
                return await Sender(self.run, lambda: self.may_place).send(intent, slot)

        return run_virtually(main)

    @property
    def outcome(self) -> str:
        return self.action_log.of("PLACE_LIMIT")[-1]


def buy(ticks: int = -20, level: int = 1, wallet: str = ALICE) -> Place:
    return place(wallet, level=level, price6=PRICE6 + ticks * TICK6, sequence=5)


# ---- accepted ----


def test_an_order_is_written_ahead_sent_and_then_in_flight() -> None:
    engine = Desk()
    order_of_things: list[str] = []
    engine.action_log.meanwhile = lambda: order_of_things.append("journal")
    engine.venue.on_place = lambda _: order_of_things.append("post")
    assert engine.send(buy())
    assert order_of_things == ["journal", "post"]
    assert engine.venue.placed == [buy().amount18]
    (under_way,) = engine.alice.pending
    assert (under_way.stage, under_way.tx_hash) == (PendingStage.ACCEPTED, "0x" + f"{1:064x}")
    assert under_way.best_opposite6 == PRICE6 + 5 * TICK6
    assert (engine.alice.pending.sequence, engine.run.counters.totals.sent, engine.run.counters.totals.errors) == (
        6,
        1,
        0,
    )
    assert engine.run.first_send_at > 0
    assert engine.outcome.startswith("buy L1  mined 100")


# ---- not sent ----


def test_a_number_that_was_used_since_the_plan_is_not_used_again() -> None:
    """The amount with its tag names an order: of two plans made before a send, only one may use a number."""
    engine = Desk()
    assert engine.send(buy())
    other = place(side=Side.SELL, level=1, price6=PRICE6 + 20 * TICK6, sequence=5)
    assert other.amount18 == buy().amount18
    assert engine.send(other)  # the wallet's next intents are tried all the same
    assert engine.venue.placed == [buy().amount18]
    engine.alice.pending.sequence = 0  # the numbers have begun anew
    assert engine.send(other)
    assert len(engine.venue.placed) == 2


def test_nothing_is_journalled_or_sent_while_the_run_may_not_place() -> None:
    engine = Desk(may_place=False)
    assert not engine.send(buy())
    assert (engine.action_log.lines, engine.venue.placed, list(engine.alice.pending)) == ([], [], [])


def test_nothing_is_sent_before_the_first_read() -> None:
    engine = Desk()
    engine.run.read = None
    assert not engine.send(buy())
    assert engine.venue.placed == []


def test_what_a_gate_refuses_is_shown_and_not_journalled() -> None:
    engine = Desk()
    assert not engine.send(buy(ticks=5))
    assert engine.action_log.lines == [("", "show SKIP", "buy L1 not sent: would cross the spread")]
    assert engine.venue.placed == []


def test_a_read_that_has_grown_old_holds_orders_back() -> None:
    engine = Desk()
    engine.run.read_at -= 11
    assert not engine.send(buy())
    assert engine.venue.placed == []


# ---- what moves during the write-ahead ----


def freeze(engine: Desk) -> None:
    engine.may_place = False


def market_falls(engine: Desk) -> None:
    engine.read(bid6=PRICE6 - 40 * TICK6, ask6=PRICE6 - 20 * TICK6)


def other_wallet_sells(engine: Desk) -> None:
    under_way = pending(place(BOB, Side.SELL, price6=PRICE6 - 20 * TICK6), stage=PendingStage.SENDING)
    engine.bob.pending.add(under_way)


def collateral_goes(engine: Desk) -> None:
    engine.alice.budget = WalletBudget(10, 2, 0, 0)


def session_goes(engine: Desk) -> None:
    engine.alice.session.lose("session revoked")


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (freeze, "the run does not place orders any more"),
        (market_falls, "would cross the spread"),
        (other_wallet_sells, SELF_TRADE),
        (collateral_goes, "would exceed the wallet limit"),
        (session_goes, "session revoked"),
    ],
)
def test_an_order_is_withdrawn_when_the_world_moves_while_it_is_written_ahead(
    meanwhile: Callable[[Desk], None], reason: str
) -> None:
    engine = Desk()
    engine.action_log.meanwhile = lambda: meanwhile(engine)
    assert not engine.send(buy())
    assert (engine.venue.placed, list(engine.alice.pending), engine.run.counters.totals.sent) == ([], [], 0)
    assert [(kind, text) for _, kind, text in engine.action_log.lines] == [
        ("INTENT", "sessionPlaceMarginLimit"),
        ("PLACE_LIMIT", f"buy L1  withdrawn: {reason}"),
    ]


def test_what_could_not_be_written_ahead_is_dropped_and_neither_sent_nor_in_flight() -> None:
    engine = Desk(action_log=FakeScribe(broken=JournalError("the disk is full")))
    assert not engine.send(buy())
    assert (engine.venue.placed, list(engine.alice.pending), engine.run.counters.totals.sent) == ([], [], 0)
    assert engine.action_log.of("show SKIP") == ["buy L1 not sent: the disk is full"]
    assert engine.alice.pending.sequence == 6, "its tag is never used again: the line may have reached the disk"


def test_a_cancel_goes_out_though_its_intent_cannot_be_written() -> None:
    engine = Desk(action_log=FakeScribe(broken=JournalError("the disk is full")))
    assert engine.send(cancel(ALICE, 7))
    assert engine.venue.cancels == [7]


# ---- not accepted ----


def failed(error: Exception) -> Desk:
    engine = Desk(FakeVenue(on_place=lambda _: error))
    assert not engine.send(buy())
    return engine


def test_what_is_proven_not_sent_frees_its_level_and_holds_the_wallet_back() -> None:
    engine = failed(refused("insufficient_collateral"))
    assert list(engine.alice.pending) == []
    assert engine.alice.backoff_until > monotonic()
    assert (engine.run.counters.totals.rejected, engine.run.counters.totals.errors) == (1, 1)
    assert engine.outcome == "buy L1  rejected: refused: insufficient_collateral"


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        MalformedError("POST answered without a transaction"),
        refused("http_502", 502, proves=False),
        refused("service_temporarily_unavailable", 503, proves=False),
        refused("something else", 400, proves=False),
    ],
)
def test_what_is_not_proven_is_unknown_and_holds_its_level_and_margin(error: Exception) -> None:
    engine = failed(error)
    (under_way,) = engine.alice.pending
    assert (under_way.stage, under_way.tx_hash) == (PendingStage.UNKNOWN, None)
    assert engine.alice.pending.margin6 == buy().margin6
    assert (engine.run.counters.totals.rejected, engine.run.counters.totals.errors) == (0, 1)
    assert engine.alice.backoff_until > monotonic()
    assert not engine.send(buy())
    assert engine.venue.placed == [buy().amount18], "it is never sent again blindly"


def test_a_failure_that_names_its_transaction_waits_for_the_receipt() -> None:
    engine = failed(refused("tx_reverted", 500, proves=False, tx_hash=HASH))
    (under_way,) = engine.alice.pending
    assert (under_way.stage, under_way.tx_hash) == (PendingStage.ACCEPTED, HASH)
    assert engine.run.counters.totals.rejected == 0


def test_a_failure_that_traded_all_the_same_is_judged_like_any_other() -> None:
    engine = failed(refused("tx_reverted", 500, proves=False, tx_hash=HASH))
    engine.run.counters.traded([trade(HASH, ALICE, "0x" + "9" * 40)], [ALICE, BOB])
    assert (engine.run.counters.totals.overtaken, engine.run.counters.totals.crossed) == (1, 0)


@pytest.mark.parametrize(
    "error",
    [
        refused("rate_limit_exceeded", 429, is_rate_limit=True, retry_after=9.0),
        refused("service_temporarily_unavailable", 503, proves=False, retry_after=9.0),
        refused("rate_limit_text", 500, proves=False, is_rate_limit=True, retry_after=9.0),
    ],
)
def test_a_push_back_closes_the_gate_and_a_busy_venue_halves_the_limit(error: RefusedError) -> None:
    engine = Desk(FakeVenue(on_place=lambda _: error))
    before = engine.run.rate_limiter.limit
    assert not engine.send(buy())
    assert engine.run.rate_limiter.limit == (before / 2 if error.status == 503 else before)
    assert (engine.alice.backoff_until > 0) is (error.status == 503), "a rate limit is not the wallet's"

    async def another(_: Callable[[], float]) -> None:
        async with asyncio.timeout(5), engine.run.rate_limiter.slot():
            pass

    with pytest.raises(TimeoutError):
        run_virtually(another)


@pytest.mark.parametrize("code", sorted(SESSION_PROBLEMS))
def test_a_dead_session_stops_its_wallet_alone(code: str) -> None:
    engine = failed(refused(code))
    assert (engine.alice.unusable, engine.alice.unusable_detail) == (SkipReason.NO_SESSION, SESSION_PROBLEMS[code])
    assert (engine.bob.unusable, engine.alice.session.is_revoked) == (None, code == "session_revoked")
    assert not engine.send(buy(level=2))
    assert len(engine.venue.placed) == 1


def test_a_session_that_was_replaced_on_the_way_says_nothing_of_its_successor() -> None:
    venue = FakeVenue()
    engine = Desk(venue)

    def refuse(_: int) -> VenueError:
        engine.alice.session.adopt(record(ALICE, "0x02"), now=1.0)
        return refused("session_expired")

    venue.on_place = refuse
    assert not engine.send(buy())
    assert (engine.alice.unusable, engine.alice.session.id) == (None, "0x02")


@pytest.mark.parametrize("code", ["ob_settled", "GEO_RESTRICTED"])
def test_a_closed_market_parks_the_wallet(code: str) -> None:
    engine = failed(refused(code))
    assert (engine.alice.unusable, engine.alice.unusable_detail) == (
        SkipReason.WALLET_PAUSED,
        f"venue response: {code}",
    )


def test_an_answer_after_failures_ends_the_back_off() -> None:
    engine = failed(LOST)
    engine.venue.on_place = lambda _: None
    assert engine.send(replace(buy(level=2), sequence=6))
    assert (engine.alice.failures, engine.alice.backoff_until) == (0, 0.0)


# ---- cancels ----


def test_a_cancel_is_written_ahead_and_remembered_until_its_order_is_gone() -> None:
    engine = Desk(may_place=False)
    assert engine.send(cancel(ALICE, 7))
    assert engine.venue.cancels == [7]
    assert set(engine.alice.pending.cancels) == {7}
    assert [kind for _, kind, _ in engine.action_log.lines] == ["INTENT", "CANCEL_ORDER"]


@pytest.mark.parametrize(("error", "is_remembered"), [(refused("invalid_session_id"), False), (LOST, True)])
def test_a_failed_cancel_is_forgotten_only_when_it_was_proven_not_sent(error: VenueError, is_remembered: bool) -> None:
    engine = Desk(FakeVenue(on_cancel=lambda _: error))
    assert not engine.send(cancel(ALICE, 7))
    assert (7 in engine.alice.pending.cancels) == is_remembered
    assert engine.run.counters.totals.errors == 1


def test_a_wallet_without_a_session_can_cancel_nothing() -> None:
    engine = Desk()
    engine.alice.session.drop()
    assert not engine.send(cancel(ALICE, 7))
    assert (engine.venue.cancels, engine.action_log.lines) == ([], [])
