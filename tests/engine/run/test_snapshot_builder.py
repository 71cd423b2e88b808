"""The published snapshot and the summary show what the engine knows, in the form that others rely on."""

from __future__ import annotations

import time
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from ama_tui.domain.event import EngineSnapshot, EngineState, SessionState, WalletRow
from ama_tui.domain.order import Side
from ama_tui.domain.plan import SkipReason, WalletBudget
from ama_tui.engine.run.snapshot_builder import snapshot_of
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeVenue, context_of, record
from tests.engine.rig import Rig, cycles_later, run_of
from tests.engine.samples import ALICE, BOB, PRICE6, TICK6, book, fleet_read, order, pending, place, wallet_read

DESIGNED = {
    "wallets",
    "target_orders",
    "resting_bids",
    "resting_asks",
    "packed",
    "short",
    "seconds_to_packed",
    "seconds_sessions",
    "cycles",
    "rpc_requests",
    "api_requests",
    "trades_sent",
    "rejected",
    "unknown",
    "crossed",
    "overtaken",
    "self_trades",
    "taker_trades",
    "max_utilization",
    "errors",
    "rate_limits",
}


def row_of(alice: WalletBook, state: EngineState = EngineState.RUNNING) -> WalletRow:
    context = context_of(FakeVenue(), alice, clock=time.monotonic)
    context.read = fleet_read([alice])
    return snapshot_of(context, state).wallets[0]


def test_row_counts_resting_pending_and_unknown_orders() -> None:
    alice = book(
        ALICE,
        pending(place(level=1), stage=PendingStage.SENDING),
        pending(place(level=2), stage=PendingStage.ACCEPTED),
        pending(place(level=3), stage=PendingStage.UNKNOWN),
    )
    alice.read = wallet_read(order(ALICE, 1), order(ALICE, 2), order(ALICE, 3, Side.SELL), available6=77)
    alice.budget = WalletBudget(500, 100, 0, 0)
    row = row_of(alice)
    assert (row.bids, row.asks, row.target_bids, row.target_asks, row.pending, row.unknown) == (2, 1, 6, 6, 2, 1)
    assert (row.available6, row.cap6, row.reserved6) == (77, 100, 3 * order().margin6)
    assert (row.note, row.is_packed) == ("3 pending", False)


@pytest.mark.parametrize(("state", "note"), [(EngineState.RUNNING, "filling"), (EngineState.STOPPED, "")])
def test_only_an_active_run_shows_a_wallet_as_filling(state: EngineState, note: str) -> None:
    alice = book(ALICE)
    alice.read = wallet_read()
    row = row_of(alice, state)
    assert (row.note, row.is_packed) == (note, False)


def test_unread_wallet_shows_no_balance_rather_than_zero() -> None:
    alice = book(cap6=None)
    alice.read = None
    row = row_of(alice)
    assert (row.available6, row.cap6, row.reserved6, row.is_packed) == (None, None, None, False)


def test_row_shows_session_progress_during_preparation() -> None:
    alice = book()
    alice.session.drop()
    alice.read, alice.note = None, "creating session"
    row = row_of(alice, EngineState.PREPARING)
    assert (row.session, row.note) == (SessionState.CREATING, "creating session")


@pytest.mark.parametrize(
    ("session_id", "expiry", "unusable", "note", "state"),
    [
        (None, 0, None, "", SessionState.NONE),
        (None, 0, None, "creating session", SessionState.CREATING),
        ("0x01", 4_000_000_000, None, "", SessionState.VALID),
        ("0x01", 1_000, None, "", SessionState.UNUSABLE),
        ("0x01", 4_000_000_000, SkipReason.NO_SESSION, "", SessionState.UNUSABLE),
        ("0x01", 4_000_000_000, SkipReason.WALLET_PAUSED, "", SessionState.VALID),
    ],
)
def test_row_shows_the_state_of_its_session(
    session_id: str | None, expiry: int, unusable: SkipReason | None, note: str, state: SessionState
) -> None:
    alice = book()
    if session_id is not None:
        alice.session.adopt(record(ALICE, session_id, expiry=expiry), now=0.0)
    else:
        alice.session.drop()
    if unusable is SkipReason.NO_SESSION:
        alice.session.lose("")
    elif unusable is SkipReason.WALLET_PAUSED:
        alice.refused_by_venue("")
    alice.note = note
    assert row_of(alice).session is state


@pytest.mark.parametrize(("root", "state"), [("the session's", SessionState.VALID), ("0x11", SessionState.UNUSABLE)])
def test_session_of_another_relayer_set_is_not_shown_as_valid(root: str, state: SessionState) -> None:
    alice = book()
    session = record(ALICE, "0x01", expiry=4_000_000_000)
    alice.session.adopt(session, now=0.0)
    context = context_of(FakeVenue(), alice, clock=time.monotonic)
    context.read = fleet_read([alice])
    context.relayer_root = session.relayer_set_root if root == "the session's" else root
    assert snapshot_of(context, EngineState.RUNNING).wallets[0].session is state


@pytest.mark.parametrize("change", ["expired", "other relayers", "lost", "renewing", "paused", "refused", "filled"])
def test_row_follows_whatever_changed_since_the_last_snapshot(change: str) -> None:
    alice = book()
    alice.session.adopt(record(ALICE, "0x01", expiry=4_000_000_000), now=0.0)
    context = context_of(FakeVenue(), alice, clock=time.monotonic)
    context.read = fleet_read([alice])
    before = snapshot_of(context, EngineState.RUNNING).wallets[0]
    assert snapshot_of(context, EngineState.RUNNING).wallets[0] is before
    if change == "expired":
        context.read = replace(context.read, block_time=4_000_000_000)
    elif change == "other relayers":
        context.relayer_root = "0x11"
    elif change == "lost":
        alice.session.lose("gone")
    elif change == "renewing":
        alice.session.report("renewing the session")
        alice.pause()
    elif change == "paused":
        alice.pause()
    elif change == "refused":
        alice.refused_by_venue("not allowed here")
    else:
        alice.take_read(wallet_read(order(ALICE, 7)), 1)
    after = snapshot_of(context, EngineState.RUNNING).wallets[0]
    context.rows.clear()
    assert after == snapshot_of(context, EngineState.RUNNING).wallets[0] != before


def test_snapshot_sums_its_rows_and_shows_the_market() -> None:
    alice, bob = book(ALICE, pending(place())), book(BOB)
    bob.read = wallet_read(order(BOB, 1))
    context = context_of(FakeVenue(), alice, bob, clock=time.monotonic)
    context.read, context.mark6 = fleet_read([alice, bob], block=321), None
    snapshot = snapshot_of(context, EngineState.PAUSED, "paused", packed=False, missing=("carol (1 open orders)",))
    assert (snapshot.state, snapshot.reason, snapshot.block) == (EngineState.PAUSED, "paused", 321)
    assert (snapshot.best_bid6, snapshot.best_ask6) == (PRICE6 - 5 * TICK6, PRICE6 + 5 * TICK6)
    assert (snapshot.target_orders, snapshot.resting, snapshot.pending, snapshot.unknown) == (24, 1, 1, 0)
    assert snapshot.missing_wallets == ("carol (1 open orders)",)
    assert (snapshot.run_id, snapshot.market) == ("run", context.market)


def test_snapshot_before_the_first_read_has_no_prices() -> None:
    context = context_of(FakeVenue(), book(), clock=time.monotonic)
    snapshot = snapshot_of(context, EngineState.PREPARING)
    assert (snapshot.block, snapshot.best_bid6, snapshot.mark6, snapshot.book.bids) == (0, None, None, ())


def frozen(value: object) -> bool:
    """Whether this value is immutable throughout."""
    if isinstance(value, tuple):
        return all(map(frozen, value))
    if is_dataclass(value) and not isinstance(value, type):
        parameters: Any = getattr(value, "__dataclass_params__", None)
        return parameters.frozen and all(frozen(getattr(value, one.name)) for one in fields(value))
    return not isinstance(value, list | dict | set | bytearray)


async def test_published_snapshot_never_changes(rig: Rig) -> None:
    """Another thread reads it while the engine continues."""
    engine = await rig.begin()
    seen: list[tuple[EngineSnapshot, str]] = []
    for _ in range(5):
        await cycles_later(engine, 0)
        seen.append((engine.publisher.latest, repr(engine.publisher.latest)))
    assert all(frozen(snapshot) for snapshot, _ in seen)
    assert all(repr(snapshot) == text for snapshot, text in seen)
    assert len({id(snapshot) for snapshot, _ in seen}) == 5


async def test_summary_has_every_specified_field_and_agrees_with_the_snapshot(rig: Rig) -> None:
    engine = await rig.packed()
    summary, snapshot = engine.summary(), engine.publisher.latest
    assert set(summary) >= DESIGNED
    assert summary["target_orders"] == snapshot.target_orders == 12
    assert summary["resting_bids"] == sum(row.bids for row in snapshot.wallets)
    assert summary["resting_asks"] == sum(row.asks for row in snapshot.wallets)
    assert summary["runId"] == snapshot.run_id == rig.checkpoint()["run"]["runId"]
    rested = [line for line in rig.journal("PLACE_LIMIT") if line["params"]["status"] == "resting"]
    assert summary["trades_sent"] == snapshot.totals.sent == len(rested)
    assert isinstance(summary["seconds_to_packed"], float)
    assert 0 < summary["seconds_to_packed"] < 20
    assert isinstance(summary["max_utilization"], float)
    assert 0 < summary["max_utilization"] <= 0.2
    assert run_of(engine).packed_at > run_of(engine).context.first_send_at > 0


async def test_run_that_was_never_packed_has_no_time_to_packed(rig: Rig) -> None:
    engine = await rig.begin()
    await engine.pause()
    summary = engine.summary()
    assert (summary["packed"], summary["seconds_to_packed"]) == (False, None)
    short = summary["short"]
    assert isinstance(short, dict)
    assert set(short) == {"User001", "User002", "User003"}
