"""What earlier processes sent is in flight again, until the chain has settled it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ama_tui.domain.plan import Place
from ama_tui.domain.reading import Receipt
from ama_tui.engine.fleet import Stage, WalletBook
from ama_tui.engine.recovery import LOOK_BACK_MS, NEVER_RESTS, take_up_unsettled
from ama_tui.engine.scribe import now_ms
from ama_tui.store.replay import JournalReplay, PlacedIntent
from tests.engine.fakes import FakeVenue, context_of
from tests.engine.samples import ALICE, CAROL, book, fleet_read, place, resting, wallet_read
from tests.engine.virtual_time import run_virtually

HASH = "0x" + "77" * 32


def journalled(placed: Place, *, seconds_ago: float = 5.0, **more: Any) -> PlacedIntent:
    found = PlacedIntent(
        wallet=placed.wallet,
        side=placed.side,
        level=placed.level,
        amount18=placed.amount18,
        price6=placed.price6,
        sequence=placed.sequence,
        ts=now_ms() - int(seconds_ago * 1000),
        intent_id="intent",
        margin6=placed.margin6,
    )
    return replace(found, **more)


@dataclass
class Restart:
    """A new process reads the journal's placements, and the chain at block 100."""

    placements: list[PlacedIntent]
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    venue: FakeVenue = field(default_factory=FakeVenue)

    def take_up(self) -> list[tuple[str, Stage, str | None]]:
        journal = JournalReplay(placed={(one.wallet, one.amount18): one for one in self.placements})

        async def main(clock: Callable[[], float]) -> int:
            run = context_of(self.venue, self.alice, clock=clock)
            run.read = fleet_read([self.alice], block=100)
            return await take_up_unsettled(run, journal)

        found = run_virtually(main)
        assert found == len(self.alice.sent)
        return [(one.intent_id, one.stage, one.tx_hash) for one in self.alice.sent.values()]


def test_an_intent_without_an_answer_is_unknown_and_reserves_its_margin() -> None:
    restart = Restart([journalled(place(level=3))])
    assert restart.take_up() == [("intent", Stage.UNKNOWN, None)]
    (again,) = restart.alice.sent.values()
    assert again.place == place(level=3)
    assert restart.alice.working_margin6() == place(level=3).margin6


def test_an_answered_one_waits_for_its_receipt() -> None:
    assert Restart([journalled(place(), tx_hash=HASH, status="pending")]).take_up() == [
        ("intent", Stage.ACCEPTED, HASH)
    ]


@pytest.mark.parametrize(
    ("receipt", "is_open"),
    [
        (Receipt(HASH, True, 100), False),
        (Receipt(HASH, True, 101), True),
        (Receipt(HASH, False, 101), False),
        (None, True),
    ],
)
def test_a_receipt_settles_it_up_to_the_block_that_was_read(receipt: Receipt | None, is_open: bool) -> None:
    restart = Restart([journalled(place(), tx_hash=HASH)], venue=FakeVenue(receipts_by_hash={HASH: receipt}))
    assert bool(restart.take_up()) == is_open


def test_what_rests_is_not_in_flight() -> None:
    alice = book(ALICE)
    alice.read = wallet_read(resting(place(level=2), 5))
    assert Restart([journalled(place(level=2)), journalled(place(level=3))], alice).take_up() == [
        ("intent", Stage.UNKNOWN, None)
    ]


@pytest.mark.parametrize("status", sorted(NEVER_RESTS))
def test_what_is_known_to_be_nowhere_is_left_alone(status: str) -> None:
    assert Restart([journalled(place(), status=status)]).take_up() == []


def test_old_foreign_and_incomplete_lines_are_left_alone() -> None:
    assert (
        Restart(
            [
                journalled(place(level=1), seconds_ago=LOOK_BACK_MS / 1000 + 5),
                journalled(place(CAROL, level=2)),
                journalled(place(level=3), price6=None),
                journalled(place(level=4), sequence=None),
                journalled(place(level=5), intent_id=""),
            ]
        ).take_up()
        == []
    )
