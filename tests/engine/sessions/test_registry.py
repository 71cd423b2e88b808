"""What the chain shows of the sessions that a state directory knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ama_tui.config.environment import load_environment
from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.session import Methods, SessionRecord, SessionStatus, session_status
from ama_tui.engine.sessions.registry import SessionList, list_sessions, methods_of
from ama_tui.engine.sessions.revoke_command import RevokeRequest, revoke
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.state_store import StateStore
from tests.engine.fakes import ROOT, no_record, record
from tests.engine.rig import Rig, ticking
from tests.engine.samples import ALICE, BOB

LOST_SESSION = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (record(ALICE), SessionStatus.LIVE),
        (replace(record(ALICE), expiry=1_001), SessionStatus.LIVE),
        (replace(record(ALICE), expiry=1_000), SessionStatus.EXPIRED),
        (record(ALICE, revoked=True), SessionStatus.REVOKED),
        (record(ALICE, revoked=True, expiry=1), SessionStatus.REVOKED),
        (record(ALICE, root="0x" + "77" * 32), SessionStatus.OTHER_RELAYERS),
        (record(BOB), SessionStatus.OTHER_WALLET),
        (no_record("0x01"), SessionStatus.UNKNOWN),
        (None, SessionStatus.UNREAD),
    ],
)
def test_status_follows_from_the_record_at_the_block_time(found: SessionRecord | None, expected: SessionStatus) -> None:
    assert session_status(found, trader=ALICE, block_time=1_000, relayer_root=ROOT) is expected


def test_session_is_not_of_other_relayers_when_the_current_set_is_unknown() -> None:
    assert session_status(record(ALICE, root="0x" + "77" * 32), trader=ALICE, block_time=1_000) is SessionStatus.LIVE


def test_every_method_has_a_name() -> None:
    assert methods_of(Methods(63)) == [
        *("placeLimit", "placeMarginLimit", "placeMarket", "placeMarginMarket", "modify", "cancel"),
    ]
    assert methods_of(Methods(0)) == []


def states(found: SessionList) -> list[tuple[str, SessionStatus]]:
    return [(one.known.nickname, one.status) for one in found.sessions]


async def listed(rig: Rig, selector: str = "all") -> SessionList:
    return await list_sessions(load_environment(rig.directory, {}), rig.directory / "state", selector)


async def test_session_list_follows_changes_during_a_run(rig: Rig) -> None:
    engine = await rig.packed(wallets=2, orders_per_side=1)
    names = [wallet.nickname for wallet in rig.venue.wallets[:2]]
    found = await listed(rig)
    assert states(found) == [(name, SessionStatus.LIVE) for name in names]
    assert {one.known.market.symbol for one in found.sessions} == {rig.symbol}
    assert found.block > 0
    await engine.close()
    await rig.venue.revoke(bytes.fromhex(found.sessions[0].known.session_id[2:]))
    await rig.venue.rotate_relayers()
    assert states(await listed(rig, rig.symbol.lower())) == [
        (names[0], SessionStatus.REVOKED),
        (names[1], SessionStatus.OTHER_RELAYERS),
    ]


async def test_requested_session_that_never_appeared_is_unknown_with_a_warning(rig: Rig) -> None:
    announced(rig)
    found = await listed(rig)
    (one,) = found.sessions
    assert (one.status, one.known.session_id, one.known.is_awaited) == (SessionStatus.UNKNOWN, LOST_SESSION, True)
    assert (one.expiry, one.record is not None) == (4_000_000_000, True)
    assert one.known.market.symbol == one.known.market.address, "no checkpoint says what the market is called"

    def may_begin(alive: Sequence[object]) -> bool:
        raise AssertionError("nothing is alive")

    order = RevokeRequest(("all",), load_environment(rig.directory, {}), rig.directory / "state", within_s=30)
    async with ticking(rig.venue):
        report = await revoke(order, may_begin=may_begin, stop=asyncio.Event())
    assert report is not None
    assert report.is_proven
    assert report.notes == ("1 more were requested and are not on chain yet: check again in a minute",)


async def test_market_without_saved_state_is_refused_with_the_known_markets(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="nothing saved for market 'BTC-USD'") as caught:
        await listed(rig, "BTC-USD")
    assert caught.value.hint.endswith(": none")
    (rig.directory / "state" / "31337" / "not a market").mkdir(parents=True)
    assert (await listed(rig)).sessions == ()


def announced(rig: Rig) -> None:
    """A journal whose last line is a session's intent: the run was killed right after it."""
    book = rig.venue.market(rig.symbol).address
    store = StateStore.open(StatePaths(rig.directory / "state", rig.venue.chain_id, book))
    params = {"method": "sessionInit", "sessionId": LOST_SESSION, "expiry": "4000000000", "nonce": "0"}
    store.journal.append(
        JournalEntry(1, "run", rig.venue.chain_id, book, "0x" + "00" * 32, rig.wallets[0], "INTENT", params=params)
    )
    store.close()
