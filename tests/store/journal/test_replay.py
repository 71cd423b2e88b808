"""What the next run learns from the journal."""

from __future__ import annotations

from typing import Any

import pytest

from ama_tui.domain.order import Side
from ama_tui.domain.session import Methods, SessionPermit
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.permit_line import permit_params
from ama_tui.store.journal.replay import AnnouncedSession, PlacedIntent, replay
from tests.store.samples import ALICE, BOB, RUN_ID, line

AMOUNT = 184_000_000_103_000_071


def intent(ts: int = 1, level: int = 3, sequence: int = 0, amount: int = AMOUNT, trader: str = ALICE) -> JournalEntry:
    params = {
        "method": "sessionPlaceMarginLimit",
        "side": "sell",
        "level": level,
        "price": "2500520000",
        "amount": str(amount),
        "sequence": sequence,
    }
    return line(ts, "INTENT", trader, params=params, intent_id="the-intent")


def outcome(ts: int = 2, order_id: str | None = "77", status: str = "accepted", **more: Any) -> JournalEntry:
    params: dict[str, object] = {"side": "sell", "level": 3, "price": "2500520000", "amount": str(AMOUNT)}
    params |= {"status": status} | ({} if order_id is None else {"orderId": order_id})
    return line(ts, "PLACE_LIMIT", params=params, **more)


PLACED = PlacedIntent(ALICE, Side.SELL, 3, AMOUNT, 2_500_520_000, 0, 1, RUN_ID, intent_id="the-intent")


def test_intent_alone_is_a_placement_without_an_outcome() -> None:
    found = replay([intent()])
    assert found.placed == {(ALICE, AMOUNT): PLACED}
    assert not found.placed[ALICE, AMOUNT].has_outcome
    assert not found.orders


def test_outcome_adds_hash_order_id_and_status() -> None:
    found = replay([intent(), outcome(tx_hash="0x99")])
    placed = found.placed[ALICE, AMOUNT]
    assert (placed.tx_hash, placed.order_id, placed.status, placed.has_outcome) == ("0x99", 77, "accepted", True)
    assert (placed.sequence, placed.ts) == (0, 1)
    assert found.orders[ALICE, 77] == placed


def test_refused_placement_keeps_its_error() -> None:
    found = replay([intent(), outcome(order_id=None, status="rejected", error="insufficient_collateral")])
    assert found.placed[ALICE, AMOUNT].error == "insufficient_collateral"
    assert found.orders == {}


def test_later_line_of_the_same_placement_completes_the_earlier() -> None:
    found = replay([intent(), outcome(order_id=None, status="pending", tx_hash="0x99"), outcome(ts=3)])
    placed = found.placed[ALICE, AMOUNT]
    assert (placed.tx_hash, placed.order_id, placed.status) == ("0x99", 77, "accepted")


def test_highest_sequence_is_kept_for_each_wallet() -> None:
    entries = [intent(sequence=number, amount=AMOUNT + number) for number in (4, 9, 2)]
    found = replay([*entries, intent(sequence=1, trader=BOB)])
    assert found.highest_sequence == {ALICE: 9, BOB: 1}


@pytest.mark.parametrize(
    ("action", "counts"),
    [
        ("INTENT", True),
        ("SESSION_INIT", True),
        ("PLACE_LIMIT", True),
        ("PLACE_MARKET", True),
        ("CANCEL_ORDER", True),
        ("MODIFY_ORDER", True),
        ("SKIP", False),
        ("ERROR", False),
        ("FILL", False),
        ("NOTE", False),
        ("SOMETHING_ELSE", False),
    ],
)
def test_last_action_is_the_last_request_sent(action: str, counts: bool) -> None:
    found = replay([line(5, "PLACE_LIMIT"), line(9, action), line(7, "PLACE_LIMIT")])
    assert found.last_action_at == {ALICE: 9 if counts else 7}


def test_line_of_the_whole_run_belongs_to_no_wallet() -> None:
    found = replay([line(5, "INTENT", "")])
    assert found.last_action_at == {}
    assert (found.entries, found.last_run_id) == (1, RUN_ID)


def test_sessions_are_announced_once_and_confirmed_by_their_outcome() -> None:
    announced = {"method": "sessionInit", "sessionId": "0xa", "expiry": "1735776000"}
    found = replay(
        [
            line(1, "SESSION_INIT", params={"sessionId": "0xold", "expiry": 5}),
            line(2, "INTENT", params=announced),
            line(3, "SESSION_INIT", params={"sessionId": "0xa"}),
            line(4, "INTENT", params=announced | {"sessionId": "0xb"}),
            line(5, "SESSION_INIT", params={"sessionId": "0xb"}, error="timed out"),
            line(6, "SESSION_INIT", BOB, error="no answer"),
        ]
    )
    assert found.sessions == {
        ALICE: (
            AnnouncedSession("0xold", 5, True),
            AnnouncedSession("0xa", 1_735_776_000, True),
            AnnouncedSession("0xb", 1_735_776_000, False),
        )
    }


def test_permit_of_an_announced_session_is_kept_when_its_outcome_has_less() -> None:
    word = "0x" + "0a" * 32
    permit = SessionPermit(ALICE, word, 1_735_776_000, 5, 6, Methods.CANCEL, word, (word,), 7)
    found = replay(
        [
            line(1, "INTENT", params={"method": "sessionInit", **permit_params("0xa", permit)}),
            line(2, "SESSION_INIT", params={"sessionId": "0xa", "expiry": "1735776000"}),
        ]
    )
    assert found.sessions == {ALICE: (AnnouncedSession("0xa", 1_735_776_000, True, permit),)}


def test_lines_of_other_tools_are_not_our_placements() -> None:
    found = replay(
        [
            line(1, "PLACE_LIMIT", params={"price": 5, "amount": "7", "isBuy": True}),
            line(2, "PLACE_LIMIT"),
            line(3, "PLACE_LIMIT", params={"side": ["buy"], "level": {}, "amount": None}),
            line(4, "INTENT", params={"method": 3}),
        ]
    )
    assert (found.placed, found.orders, found.highest_sequence) == ({}, {}, {})
    assert found.last_action_at == {ALICE: 4}


def test_block_is_that_of_the_first_read_and_later_outcomes_keep_it() -> None:
    def seen(status: str, block: int) -> JournalEntry:
        params = {"side": "sell", "level": 3, "amount": str(AMOUNT), "status": status, "orderId": "77", "block": block}
        return line(9, "PLACE_LIMIT", params=params)

    (placed,) = replay([intent(), seen("resting", 50)]).placed.values()
    assert (placed.status, placed.order_id, placed.block, placed.price6) == ("resting", 77, 50, 2_500_520_000)
    (placed,) = replay([intent(), seen("resting", 50), seen("filled", 90)]).placed.values()
    assert (placed.status, placed.order_id, placed.block) == ("filled", 77, 50)


def test_outcome_learned_from_the_chain_is_not_an_action_of_the_wallet() -> None:
    assert replay([intent(1), outcome(2), outcome(3, status="resting")]).last_action_at == {ALICE: 2}


def test_decided_cancels_are_known_by_wallet_and_id() -> None:
    params = {"method": "sessionCancelOrder", "orderId": "77", "reason": "kill"}
    bad = {"method": "sessionCancelOrder", "orderId": "x"}
    assert replay([line(1, "INTENT", params=params), line(2, "INTENT", params=bad)]).cancels == {(ALICE, 77)}


# ---- moves and takes ----


def test_move_is_a_placement_that_names_the_order_it_moves() -> None:
    entry = intent()
    moved = {**(entry.params or {}), "method": "sessionModifyOrder", "oldOrderId": "12"}
    result = {"side": "sell", "level": 3, "amount": str(AMOUNT), "status": "resting", "orderId": "77", "block": 5}
    found = replay(
        [
            line(1, "INTENT", params=moved, intent_id="the-intent"),
            line(2, "MODIFY_ORDER", params={**moved, "status": "mined"}, tx_hash="0x99", intent_id="the-intent"),
            line(3, "MODIFY_ORDER", params=result, intent_id="the-intent"),
        ]
    )
    placed = found.placed[ALICE, AMOUNT]
    assert (placed.moves, placed.order_id, placed.status, placed.tx_hash, placed.block) == (
        12,
        77,
        "resting",
        "0x99",
        5,
    )
    assert found.orders == {(ALICE, 77): placed}
    assert found.highest_sequence == {ALICE: 0}


TAKE = {"side": "buy", "amount": "500", "limit": "7", "reach": "8", "notional": "100", "margin": "30", "decidedIn": 9}


def take(ts: int, status: str | None = None, intent_id: str = "take", **more: Any) -> JournalEntry:
    if status is None:
        return line(ts, "INTENT", params={"method": "sessionPlaceMarginMarket", **TAKE}, intent_id=intent_id)
    traded = {"traded": more.pop("traded")} if "traded" in more else {}
    return line(ts, "PLACE_MARKET", params={**TAKE, "status": status, **traded}, intent_id=intent_id, **more)


@pytest.mark.parametrize(
    ("outcomes", "is_settled", "counted6"),
    [
        ([], False, 100),
        (["pending"], False, 100),
        (["unknown"], False, 100),
        (["unknown", "void"], True, 100),
        (["rejected"], True, 0),
        (["withdrawn"], True, 0),
        (["mined", "reverted"], True, 0),
    ],
)
def test_take_counts_in_full_until_the_chain_says_otherwise(
    outcomes: list[str], is_settled: bool, counted6: int
) -> None:
    found = replay([take(1), *(take(2 + number, status) for number, status in enumerate(outcomes))])
    (taken,) = found.takes.values()
    assert (taken.is_settled, taken.counted6, taken.ts, taken.decided_in) == (is_settled, counted6, 1, 9)


def test_executed_take_counts_with_what_it_traded() -> None:
    found = replay([take(1), take(2, "mined", tx_hash="0x99"), take(3, "executed", traded="60")])
    (taken,) = found.takes.values()
    assert (taken.is_settled, taken.counted6, taken.tx_hash) == (True, 60, "0x99")
    assert found.known_hashes == {"0x99"}


def test_settled_takes_are_forgotten_after_an_hour_and_unsettled_ones_are_not() -> None:
    hour = 3_600_000
    found = replay([take(1, intent_id="lost"), take(2), take(3, "reverted"), take(hour + 3, intent_id="new")])
    assert list(found.takes) == ["lost", "new"]


def test_market_order_of_another_tool_is_no_take_of_ours() -> None:
    assert not replay([line(1, "PLACE_MARKET", params={"side": "buy", "amount": "5"}, intent_id=None)]).takes
