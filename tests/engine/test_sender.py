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
from ama_tui.domain.plan import Intent, Place, SkipReason, WalletBudget
from ama_tui.engine.context import RunContext
from ama_tui.engine.fleet import Stage, WalletBook
from ama_tui.engine.gates import SELF_TRADE
from ama_tui.engine.sender import SESSION_PROBLEMS, Sender
from tests.engine.fakes import FakeScribe, FakeVenue, context_of, record
from tests.engine.samples import ALICE, BOB, PRICE6, TICK6, book, cancel, fleet_read, place, sent, trade
from tests.engine.virtual_time import run_virtually

HASH = "0x" + "77" * 32
LOST = UnreachableError("POST failed (no answer within 30 s)")


def refused(code: str, status: int = 400, *, proves: bool = True, **more: Any) -> RefusedError:
    return RefusedError(f"refused: {code}", status=status, code=code, proves_not_sent=proves, **more)


@dataclass
class Desk:
    """A sender of two wallets on the fakes, after a fresh read."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    scribe: FakeScribe = field(default_factory=FakeScribe)
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    bob: WalletBook = field(default_factory=lambda: book(BOB))
    may_place: bool = True
    run: RunContext = field(init=False)

    def __post_init__(self) -> None:
        self.run = context_of(self.venue, self.alice, self.bob, clock=monotonic, scribe=self.scribe)
        self.read()

    def read(self, **prices: Any) -> None:
        self.run.read, self.run.read_at = fleet_read([self.alice, self.bob], **prices), monotonic()

    def send(self, intent: Intent) -> bool:
        async def main(clock: Callable[[], float]) -> bool:
            return await Sender(self.run, lambda: self.may_place).send(intent)

        return run_virtually(main)

    @property
    def outcome(self) -> str:
        return self.scribe.of("PLACE_LIMIT")[-1]


def buy(ticks: int = -20, level: int = 1, wallet: str = ALICE) -> Place:
    return place(wallet, level=level, price6=PRICE6 + ticks * TICK6, sequence=5)


# ---- accepted ----


def test_an_order_is_written_ahead_sent_and_then_in_flight() -> None:
    desk = Desk()
    order_of_things: list[str] = []
    desk.scribe.meanwhile = lambda: order_of_things.append("journal")
    desk.venue.on_place = lambda _: order_of_things.append("post")
    assert desk.send(buy())
    assert order_of_things == ["journal", "post"]
    assert desk.venue.placed == [buy().amount18]
    (under_way,) = desk.alice.sent.values()
    assert (under_way.stage, under_way.tx_hash) == (Stage.ACCEPTED, "0x" + f"{1:064x}")
    assert under_way.best_opposite6 == PRICE6 + 5 * TICK6
    assert (desk.alice.sequence, desk.run.tally.sent, desk.run.tally.errors) == (6, 1, 0)
    assert desk.run.first_send_at > 0
    assert desk.outcome.startswith("buy L1  mined 100")


# ---- held back ----


def test_a_number_that_was_used_since_the_plan_is_not_used_again() -> None:
    """The amount with its tag names an order: of two plans made before a send, only one may use a number."""
    desk = Desk()
    assert desk.send(buy())
    other = place(side=Side.SELL, level=1, price6=PRICE6 + 20 * TICK6, sequence=5)
    assert other.amount18 == buy().amount18
    assert desk.send(other)  # the wallet's next intents are tried all the same
    assert desk.venue.placed == [buy().amount18]
    desk.alice.sequence = 0  # the numbers have begun anew
    assert desk.send(other)
    assert len(desk.venue.placed) == 2


def test_nothing_is_journalled_or_sent_while_the_run_may_not_place() -> None:
    desk = Desk(may_place=False)
    assert not desk.send(buy())
    assert (desk.scribe.lines, desk.venue.placed, desk.alice.sent) == ([], [], {})


def test_nothing_is_sent_before_the_first_read() -> None:
    desk = Desk()
    desk.run.read = None
    assert not desk.send(buy())
    assert desk.venue.placed == []


def test_what_a_gate_refuses_is_shown_and_not_journalled() -> None:
    desk = Desk()
    assert not desk.send(buy(ticks=5))
    assert desk.scribe.lines == [("", "show SKIP", "buy L1 held back: it would cross the spread")]
    assert desk.venue.placed == []


def test_a_read_that_has_grown_old_holds_orders_back() -> None:
    desk = Desk()
    desk.run.read_at -= 11
    assert not desk.send(buy())
    assert desk.venue.placed == []


# ---- what moves during the write-ahead ----


def freeze(desk: Desk) -> None:
    desk.may_place = False


def market_falls(desk: Desk) -> None:
    desk.read(bid6=PRICE6 - 40 * TICK6, ask6=PRICE6 - 20 * TICK6)


def other_wallet_sells(desk: Desk) -> None:
    under_way = sent(place(BOB, Side.SELL, price6=PRICE6 - 20 * TICK6), stage=Stage.WIRE)
    desk.bob.sent[under_way.intent_id] = under_way


def collateral_goes(desk: Desk) -> None:
    desk.alice.budget = WalletBudget(10, 2, 0, 0)


def session_goes(desk: Desk) -> None:
    desk.alice.unusable, desk.alice.unusable_detail = SkipReason.NO_SESSION, "session revoked"


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (freeze, "the run no longer places orders"),
        (market_falls, "it would cross the spread"),
        (other_wallet_sells, SELF_TRADE),
        (collateral_goes, "it would pass the wallet's cap"),
        (session_goes, "session revoked"),
    ],
)
def test_an_order_is_withdrawn_when_the_world_moves_while_it_is_written_ahead(
    meanwhile: Callable[[Desk], None], reason: str
) -> None:
    desk = Desk()
    desk.scribe.meanwhile = lambda: meanwhile(desk)
    assert not desk.send(buy())
    assert (desk.venue.placed, desk.alice.sent, desk.run.tally.sent) == ([], {}, 0)
    assert [(kind, text) for _, kind, text in desk.scribe.lines] == [
        ("INTENT", "sessionPlaceMarginLimit"),
        ("PLACE_LIMIT", f"buy L1  withdrawn: {reason}"),
    ]


def test_what_could_not_be_written_ahead_is_dropped_and_neither_sent_nor_in_flight() -> None:
    desk = Desk(scribe=FakeScribe(broken=JournalError("the disk is full")))
    assert not desk.send(buy())
    assert (desk.venue.placed, desk.alice.sent, desk.run.tally.sent) == ([], {}, 0)
    assert desk.scribe.of("show ERROR") == ["buy L1 dropped: the disk is full"]
    assert desk.alice.sequence == 6, "its tag is never used again: the line may have reached the disk"


def test_a_cancel_goes_out_though_its_intent_cannot_be_written() -> None:
    desk = Desk(scribe=FakeScribe(broken=JournalError("the disk is full")))
    assert desk.send(cancel(ALICE, 7))
    assert desk.venue.cancels == [7]


# ---- not accepted ----


def failed(error: Exception) -> Desk:
    desk = Desk(FakeVenue(on_place=lambda _: error))
    assert not desk.send(buy())
    return desk


def test_what_is_proven_not_sent_frees_its_level_and_holds_the_wallet_back() -> None:
    desk = failed(refused("insufficient_collateral"))
    assert desk.alice.sent == {}
    assert desk.alice.backoff_until > monotonic()
    assert (desk.run.tally.rejected, desk.run.tally.errors) == (1, 1)
    assert desk.outcome == "buy L1  rejected: refused: insufficient_collateral"


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
    desk = failed(error)
    (under_way,) = desk.alice.sent.values()
    assert (under_way.stage, under_way.tx_hash) == (Stage.UNKNOWN, None)
    assert desk.alice.working_margin6() == buy().margin6
    assert (desk.run.tally.rejected, desk.run.tally.errors) == (0, 1)
    assert desk.alice.backoff_until > monotonic()
    assert not desk.send(buy())
    assert desk.venue.placed == [buy().amount18], "it is never sent again blindly"


def test_a_failure_that_names_its_transaction_waits_for_the_receipt() -> None:
    desk = failed(refused("tx_reverted", 500, proves=False, tx_hash=HASH))
    (under_way,) = desk.alice.sent.values()
    assert (under_way.stage, under_way.tx_hash) == (Stage.ACCEPTED, HASH)
    assert desk.run.tally.rejected == 0


def test_a_failure_that_traded_all_the_same_is_judged_like_any_other() -> None:
    desk = failed(refused("tx_reverted", 500, proves=False, tx_hash=HASH))
    desk.run.tally.traded([trade(HASH, ALICE, "0x" + "9" * 40)], [ALICE, BOB])
    assert (desk.run.tally.overtaken, desk.run.tally.crossed) == (1, 0)


@pytest.mark.parametrize(
    "error",
    [
        refused("rate_limit_exceeded", 429, is_rate_limit=True, retry_after=9.0),
        refused("service_temporarily_unavailable", 503, proves=False, retry_after=9.0),
        refused("rate_limit_text", 500, proves=False, is_rate_limit=True, retry_after=9.0),
    ],
)
def test_a_push_back_halves_the_limit_and_closes_the_gate(error: RefusedError) -> None:
    desk = Desk(FakeVenue(on_place=lambda _: error))
    before = desk.run.limiter.limit
    assert not desk.send(buy())
    assert desk.run.limiter.limit == before / 2

    async def another(_: Callable[[], float]) -> None:
        async with asyncio.timeout(5), desk.run.limiter.slot():
            pass

    with pytest.raises(TimeoutError):
        run_virtually(another)


@pytest.mark.parametrize("code", sorted(SESSION_PROBLEMS))
def test_a_dead_session_stops_its_wallet_alone(code: str) -> None:
    desk = failed(refused(code))
    assert (desk.alice.unusable, desk.alice.unusable_detail) == (SkipReason.NO_SESSION, SESSION_PROBLEMS[code])
    assert (desk.bob.unusable, desk.alice.is_revoked) == (None, code == "session_revoked")
    assert not desk.send(buy(level=2))
    assert len(desk.venue.placed) == 1


def test_a_session_that_was_replaced_on_the_way_says_nothing_of_its_successor() -> None:
    venue = FakeVenue()
    desk = Desk(venue)

    def refuse(_: int) -> VenueError:
        desk.alice.adopt(record(ALICE, "0x02"), now=1.0)
        return refused("session_expired")

    venue.on_place = refuse
    assert not desk.send(buy())
    assert (desk.alice.unusable, desk.alice.session_id) == (None, "0x02")


@pytest.mark.parametrize("code", ["ob_settled", "GEO_RESTRICTED"])
def test_a_closed_market_parks_the_wallet(code: str) -> None:
    desk = failed(refused(code))
    assert (desk.alice.unusable, desk.alice.unusable_detail) == (SkipReason.PARKED, f"the venue answers {code}")


def test_an_answer_after_failures_ends_the_back_off() -> None:
    desk = failed(LOST)
    desk.venue.on_place = lambda _: None
    assert desk.send(replace(buy(level=2), sequence=6))
    assert (desk.alice.failures, desk.alice.backoff_until) == (0, 0.0)


# ---- cancels ----


def test_a_cancel_is_written_ahead_and_remembered_until_its_order_is_gone() -> None:
    desk = Desk(may_place=False)
    assert desk.send(cancel(ALICE, 7))
    assert desk.venue.cancels == [7]
    assert set(desk.alice.cancels) == {7}
    assert [kind for _, kind, _ in desk.scribe.lines] == ["INTENT", "CANCEL_ORDER"]


@pytest.mark.parametrize(("error", "is_remembered"), [(refused("invalid_session_id"), False), (LOST, True)])
def test_a_failed_cancel_is_forgotten_only_when_it_was_proven_not_sent(error: VenueError, is_remembered: bool) -> None:
    desk = Desk(FakeVenue(on_cancel=lambda _: error))
    assert not desk.send(cancel(ALICE, 7))
    assert (7 in desk.alice.cancels) == is_remembered
    assert desk.run.tally.errors == 1


def test_a_wallet_without_a_session_can_cancel_nothing() -> None:
    desk = Desk()
    desk.alice.session_id = None
    assert not desk.send(cancel(ALICE, 7))
    assert (desk.venue.cancels, desk.scribe.lines) == ([], [])
