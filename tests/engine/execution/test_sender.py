"""The only path out: pre-trade checks, write-ahead, check again, POST, outcome."""

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
from ama_tui.engine.execution.responses import SESSION_PROBLEMS
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of, record
from tests.engine.samples import ALICE, BOB, PRICE6, TICK6, book, cancel, fleet_read, pending, place, trade
from tests.engine.virtual_time import run_virtually
from tests.sizes import PATIENCE_S

HASH = "0x" + "77" * 32
LOST = UnreachableError("POST failed: no response within 30 s")


def refused(code: str, status: int = 400, *, proves: bool = True, **more: Any) -> RefusedError:
    return RefusedError(f"refused: {code}", status=status, code=code, proves_not_sent=proves, **more)


@dataclass
class SenderBench:
    """A sender of two wallets on the fakes, after a fresh read."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
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


def test_order_is_written_ahead_then_sent_then_pending() -> None:
    engine = SenderBench()
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


def test_sequence_number_used_since_the_plan_is_not_used_again() -> None:
    """The tagged amount identifies an order: of two plans made before a send, only one may use a number."""
    engine = SenderBench()
    assert engine.send(buy())
    other = place(side=Side.SELL, level=1, price6=PRICE6 + 20 * TICK6, sequence=5)
    assert other.amount18 == buy().amount18
    assert engine.send(other)  # the wallet's next intents are still tried
    assert engine.venue.placed == [buy().amount18]
    engine.alice.pending.sequence = 0  # the numbers start over
    assert engine.send(other)
    assert len(engine.venue.placed) == 2


def test_nothing_is_journalled_or_sent_while_the_run_may_not_place() -> None:
    engine = SenderBench(may_place=False)
    assert not engine.send(buy())
    assert (engine.action_log.lines, engine.venue.placed, list(engine.alice.pending)) == ([], [], [])


def test_nothing_is_sent_before_the_first_read() -> None:
    engine = SenderBench()
    engine.run.read = None
    assert not engine.send(buy())
    assert engine.venue.placed == []


def test_refusal_by_a_pre_trade_check_is_shown_and_not_journalled() -> None:
    engine = SenderBench()
    assert not engine.send(buy(ticks=5))
    assert engine.action_log.lines == [("", "show SKIP", "buy L1 not sent: would cross the spread")]
    assert engine.venue.placed == []


def test_stale_read_blocks_orders() -> None:
    engine = SenderBench()
    engine.run.read_at -= 11
    assert not engine.send(buy())
    assert engine.venue.placed == []


# ---- changes during the write-ahead ----


def freeze(engine: SenderBench) -> None:
    engine.may_place = False


def market_falls(engine: SenderBench) -> None:
    engine.read(bid6=PRICE6 - 40 * TICK6, ask6=PRICE6 - 20 * TICK6)


def other_wallet_sells(engine: SenderBench) -> None:
    under_way = pending(place(BOB, Side.SELL, price6=PRICE6 - 20 * TICK6), stage=PendingStage.SENDING)
    engine.bob.pending.add(under_way)


def collateral_goes(engine: SenderBench) -> None:
    engine.alice.budget = WalletBudget(10, 2, 0, 0)


def session_goes(engine: SenderBench) -> None:
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
def test_order_is_withdrawn_when_conditions_change_during_the_write_ahead(
    meanwhile: Callable[[SenderBench], None], reason: str
) -> None:
    engine = SenderBench()
    engine.action_log.meanwhile = lambda: meanwhile(engine)
    assert not engine.send(buy())
    assert (engine.venue.placed, list(engine.alice.pending), engine.run.counters.totals.sent) == ([], [], 0)
    assert [(kind, text) for _, kind, text in engine.action_log.lines] == [
        ("INTENT", "sessionPlaceMarginLimit"),
        ("PLACE_LIMIT", f"buy L1  withdrawn: {reason}"),
    ]


def test_order_whose_write_ahead_failed_is_neither_sent_nor_pending() -> None:
    engine = SenderBench(action_log=FakeActionLog(broken=JournalError("the disk is full")))
    assert not engine.send(buy())
    assert (engine.venue.placed, list(engine.alice.pending), engine.run.counters.totals.sent) == ([], [], 0)
    assert engine.action_log.of("show SKIP") == ["buy L1 not sent: the disk is full"]
    assert engine.alice.pending.sequence == 6, "its tag is never used again: the line may have reached the disk"


def test_cancel_is_sent_even_when_its_intent_cannot_be_written() -> None:
    engine = SenderBench(action_log=FakeActionLog(broken=JournalError("the disk is full")))
    assert engine.send(cancel(ALICE, 7))
    assert engine.venue.cancels == [7]


# ---- not accepted ----


def failed(error: Exception) -> SenderBench:
    engine = SenderBench(FakeVenue(on_place=lambda _: error))
    assert not engine.send(buy())
    return engine


def test_provably_unsent_order_frees_its_level_and_backs_the_wallet_off() -> None:
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
def test_possibly_sent_order_is_unknown_and_keeps_its_level_and_margin(error: Exception) -> None:
    engine = failed(error)
    (under_way,) = engine.alice.pending
    assert (under_way.stage, under_way.tx_hash) == (PendingStage.UNKNOWN, None)
    assert engine.alice.pending.margin6 == buy().margin6
    assert (engine.run.counters.totals.rejected, engine.run.counters.totals.errors) == (0, 1)
    assert engine.alice.backoff_until > monotonic()
    assert not engine.send(buy())
    assert engine.venue.placed == [buy().amount18], "it is never sent again blindly"


def test_failure_that_names_its_transaction_waits_for_the_receipt() -> None:
    engine = failed(refused("tx_reverted", 500, proves=False, tx_hash=HASH))
    (under_way,) = engine.alice.pending
    assert (under_way.stage, under_way.tx_hash) == (PendingStage.ACCEPTED, HASH)
    assert engine.run.counters.totals.rejected == 0


def test_failed_placement_that_traded_anyway_counts_like_any_other() -> None:
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
    engine = SenderBench(FakeVenue(on_place=lambda _: error))
    before = engine.run.rate_limiter.limit
    assert not engine.send(buy())
    assert engine.run.rate_limiter.limit == (before / 2 if error.status == 503 else before)
    assert (engine.alice.backoff_until > 0) is (error.status == 503), "a rate limit is not the wallet's"

    async def another(_: Callable[[], float]) -> None:
        async with asyncio.timeout(PATIENCE_S), engine.run.rate_limiter.slot():
            pass

    with pytest.raises(TimeoutError):
        run_virtually(another)


@pytest.mark.parametrize("code", sorted(SESSION_PROBLEMS))
def test_dead_session_stops_only_its_own_wallet(code: str) -> None:
    engine = failed(refused(code))
    assert (engine.alice.unusable, engine.alice.unusable_detail) == (SkipReason.NO_SESSION, SESSION_PROBLEMS[code])
    assert (engine.bob.unusable, engine.alice.session.is_revoked) == (None, code == "session_revoked")
    assert not engine.send(buy(level=2))
    assert len(engine.venue.placed) == 1


def test_refusal_of_a_replaced_session_does_not_affect_its_successor() -> None:
    venue = FakeVenue()
    engine = SenderBench(venue)

    def refuse(_: int) -> VenueError:
        engine.alice.session.adopt(record(ALICE, "0x02"), now=1.0)
        return refused("session_expired")

    venue.on_place = refuse
    assert not engine.send(buy())
    assert (engine.alice.unusable, engine.alice.session.id) == (None, "0x02")


@pytest.mark.parametrize("code", ["ob_settled", "GEO_RESTRICTED"])
def test_closed_market_pauses_the_wallet(code: str) -> None:
    engine = failed(refused(code))
    assert (engine.alice.unusable, engine.alice.unusable_detail) == (
        SkipReason.WALLET_PAUSED,
        f"venue response: {code}",
    )


def test_success_after_failures_ends_the_backoff() -> None:
    engine = failed(LOST)
    engine.venue.on_place = lambda _: None
    assert engine.send(replace(buy(level=2), sequence=6))
    assert (engine.alice.failures, engine.alice.backoff_until) == (0, 0.0)


# ---- cancels ----


def test_cancel_is_written_ahead_and_remembered_until_its_order_is_gone() -> None:
    engine = SenderBench(may_place=False)
    assert engine.send(cancel(ALICE, 7))
    assert engine.venue.cancels == [7]
    assert set(engine.alice.pending.cancels) == {7}
    assert [kind for _, kind, _ in engine.action_log.lines] == ["INTENT", "CANCEL_ORDER"]


@pytest.mark.parametrize(("error", "is_remembered"), [(refused("invalid_session_id"), False), (LOST, True)])
def test_failed_cancel_is_forgotten_only_if_provably_not_sent(error: VenueError, is_remembered: bool) -> None:
    engine = SenderBench(FakeVenue(on_cancel=lambda _: error))
    assert not engine.send(cancel(ALICE, 7))
    assert (7 in engine.alice.pending.cancels) == is_remembered
    assert engine.run.counters.totals.errors == 1


def test_wallet_without_a_session_cannot_cancel() -> None:
    engine = SenderBench()
    engine.alice.session.drop()
    assert not engine.send(cancel(ALICE, 7))
    assert (engine.venue.cancels, engine.action_log.lines) == ([], [])
