"""Sessions on a real registry: what a permit grants, and how replaced sessions are revoked."""

from __future__ import annotations

import json

import pytest

from ama_tui.domain.parameters import Parameters
from ama_tui.domain.session import Methods, SessionRecord
from ama_tui.engine.run.local_engine import LocalEngine
from tests.engine.rig import Rig, cycles_later, run_of, ticking, until
from tests.sizes import SLOW_MACHINE


async def records_of(engine: LocalEngine, rig: Rig) -> dict[str, list[SessionRecord]]:
    """Every session that the journal announced, with its registry record, by wallet; the latest last."""
    links = run_of(engine).context.connections
    found: dict[str, list[SessionRecord]] = {wallet: [] for wallet in rig.wallets}
    for line in rig.journal("INTENT"):
        if line["params"]["method"] == "sessionInit":
            session = line["params"]["sessionId"]
            record = (await links.chain.session_records(links.registry, [session]))[session]
            assert record is not None
            found[line["trader"]].append(record)
    return found


async def test_permit_grants_what_the_run_needs_and_is_journalled_in_full_without_its_signature(
    rig: Rig,
) -> None:
    engine = await rig.packed(session_hours=1.0)
    run = run_of(engine)
    for line in rig.journal("INTENT"):
        if line["params"]["method"] != "sessionInit":
            continue
        permit = line["params"]["permit"]
        assert permit["allowedMarkets"] == [run.context.market.market_id]
        assert permit["nonce"] == "0"
        assert "ignature" not in json.dumps(line)
    for (record,) in (await records_of(engine, rig)).values():
        assert record.methods == Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL
        assert 0 < record.expiry - run.context.read.block_time <= 3_600  # type: ignore[union-attr]
        orders = await rig.orders(record.trader)
        largest6 = max(one.price6 * one.amount18 // 10**18 for one in orders)
        assert 2 * largest6 <= record.max_notional_per_trade6 < 2 * 800 * 10**6
        assert 0 < record.notional_used6 * 10 < record.max_notional_per_session6
    assert (engine.summary()["sessions_created"], engine.summary()["sessions_renewed"]) == (3, 0)


async def test_caps_are_omitted_on_request(rig: Rig) -> None:
    engine = await rig.packed(session_caps=False)
    for (record,) in (await records_of(engine, rig)).values():
        assert (record.max_notional_per_trade6, record.max_notional_per_session6) == (0, 0)


async def test_larger_sizes_get_larger_sessions_before_the_first_order_and_old_ones_are_revoked(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.pause()
    await engine.change(Parameters.of(orders_per_side=3, size_min=1.0, size_max=1.5, max_utilization=0.9))
    await engine.resume()
    async with ticking(rig.venue):
        await until(lambda: run_of(engine).packed, "the larger fleet to be packed")
        await until(
            lambda: not any(book.session.replaced for book in run_of(engine).context.fleet), "the old sessions to end"
        )
    for before, after in (await records_of(engine, rig)).values():
        assert (before.revoked, after.revoked) == (True, False)
        assert after.max_notional_per_trade6 > before.max_notional_per_trade6
    summary = engine.summary()
    assert (summary["rejected"], summary["sessions_renewed"]) == (0, 3)
    assert run_of(engine).context.counters.errors_by_kind.keys() <= SLOW_MACHINE
    assert len(await rig.orders()) == 18


async def test_new_relayer_set_gets_new_sessions(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("REREAD_S", 0.2), ("FRESH_S", 0.0), ("CONFIRM_S", 0.01)):
        monkeypatch.setattr(f"ama_tui.engine.sessions.relayers.{name}", seconds)
    engine = await rig.packed()
    await rig.venue.rotate_relayers()
    async with ticking(rig.venue):
        await until(lambda: engine.summary()["sessions_renewed"] == 3, "the renewals")
        order = (await rig.orders())[0]
        await engine.cancel_order(order.wallet, order.order_id)
        await until(lambda: run_of(engine).context.counters.totals.sent == 13, "its level to be filled again")
    assert engine.summary()["rejected"] == 0


async def test_kill_that_revokes_also_revokes_the_replaced_session(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.engine.sessions.renewal.may_end", lambda *_: False)  # so that only the kill revokes it
    engine = await rig.packed()
    book = run_of(engine).context.fleet.books[rig.wallets[0]]
    first = book.session.id
    await engine.renew(book.address)
    await cycles_later(engine, 1)
    assert list(book.session.replaced) == [first]
    async with ticking(rig.venue):
        report = await engine.kill(revoke=True)
    assert (report.is_proven, len(report.revoked)) == (True, 3)
    assert all(one.revoked for some in (await records_of(engine, rig)).values() for one in some)
