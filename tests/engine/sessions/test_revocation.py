"""A session is over when two reads of the chain show it, whatever the venue responds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import RefusedError, UnreachableError, VenueError
from ama_tui.domain.reading import SessionsRead
from ama_tui.domain.session import SessionStatus
from ama_tui.engine.sessions.registry import KnownSession
from ama_tui.engine.sessions.revocation import (
    LONGEST_STOP_S,
    RETRY_REVOKE_S,
    ProvenRevocation,
    RevocationResult,
    RevocationTarget,
)
from tests.engine.fakes import FakeVenue, connections_of, record
from tests.engine.samples import ALICE, BOB, MARKET
from tests.engine.virtual_time import run_virtually

BLOCK_S = 2.0
LOST = UnreachableError("POST failed: the connection was dropped")


@dataclass
class MovingVenue(FakeVenue):
    """A chain with a block every two seconds; `on_sessions` may change what a read shows, or raise."""

    clock: Callable[[], float] = lambda: 0.0
    began: float = 0.0
    on_sessions: Callable[[SessionsRead], SessionsRead] = lambda read: read
    reads_sessions: int = 0

    async def sessions(self, registry: str, ids: list[str]) -> SessionsRead:
        self.block = 100 + int((self.clock() - self.began) / BLOCK_S)
        return self.on_sessions(await super().sessions(registry, ids))


@dataclass
class Revocation:
    """One revocation in virtual time; `seconds` is how long it took."""

    venue: MovingVenue
    targets: list[RevocationTarget] = field(default_factory=lambda: [target("0x01"), target("0x02", BOB)])
    is_proven: bool = False
    seconds: float = 0.0

    def go(self, patience: float = 60.0, stop_after: float = 3600.0) -> list[RevocationResult]:
        async def main(clock: Callable[[], float]) -> None:
            self.venue.clock, self.venue.began = clock, clock()
            fake: Any = self.venue
            work = ProvenRevocation(connections_of(fake), self.targets)
            await work.read_first()
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(stop_after, stop.set)
            self.is_proven = await work.finish(patience, stop)
            self.seconds = clock() - self.venue.began

        run_virtually(main)
        return [one.outcome for one in self.targets]


def target(session: str, wallet: str = ALICE) -> RevocationTarget:
    return RevocationTarget(KnownSession(MARKET, wallet, "", session))


def venue_of(**more: Any) -> MovingVenue:
    return MovingVenue({"0x01": record(ALICE, "0x01"), "0x02": record(BOB, "0x02")}, **more)


def test_each_revocation_is_requested_once_and_proven_two_blocks_later() -> None:
    done = Revocation(venue_of())
    assert done.go() == [RevocationResult.REVOKED, RevocationResult.REVOKED]
    assert done.is_proven
    assert sorted(done.venue.revokes) == ["0x01", "0x02"]
    assert 2 * BLOCK_S <= done.seconds < 4 * BLOCK_S


def test_stop_reports_what_the_chain_shows_once_pending_requests_are_answered() -> None:
    done = Revocation(venue_of(on_revoke=lambda _: LOST))
    assert done.go(stop_after=1.0) == [RevocationResult.LEFT, RevocationResult.LEFT]
    assert not done.is_proven
    assert sorted(done.venue.revokes) == ["0x01", "0x02"]
    assert done.seconds < 2.0


def test_neither_the_deadline_nor_a_stop_waits_for_a_hanging_node() -> None:
    for patience, stop_after, longest in ((7.0, 3600.0, 7.0), (60.0, 1.0, 1.0 + LONGEST_STOP_S)):
        venue = venue_of()
        done = Revocation(venue)

        async def hang(registry: str, ids: list[str], venue: MovingVenue = venue) -> SessionsRead:
            if venue.reads_sessions:
                await asyncio.sleep(3600)
            venue.reads_sessions += 1
            return await MovingVenue.sessions(venue, registry, ids)

        venue.sessions = hang  # type: ignore[method-assign]
        done.go(patience, stop_after)
        assert not done.is_proven
        assert done.seconds <= longest + 0.01


def test_session_already_over_is_proven_without_a_request() -> None:
    done = Revocation(venue_of(block_time=5_000))
    done.venue.records = {"0x01": record(ALICE, "0x01", revoked=True), "0x02": record(BOB, "0x02", expiry=5_000)}
    assert done.go() == [RevocationResult.WAS_OVER, RevocationResult.WAS_OVER]
    assert [one.status for one in done.targets] == [SessionStatus.REVOKED, SessionStatus.EXPIRED]
    assert done.is_proven
    assert done.venue.revokes == []
    assert done.seconds >= 2 * BLOCK_S


def test_session_that_appears_after_the_first_read_is_revoked_too() -> None:
    venue = venue_of()
    late = venue.records.pop("0x02")

    def arrives(read: SessionsRead) -> SessionsRead:
        if read.block > 100 and late is not None:
            venue.records.setdefault("0x02", late)
        return read

    venue.on_sessions = arrives
    done = Revocation(venue)
    assert done.go() == [RevocationResult.REVOKED, RevocationResult.REVOKED]
    assert done.is_proven
    assert sorted(venue.revokes) == ["0x01", "0x02"]


def test_failed_revocation_is_requested_again_and_the_chain_decides() -> None:
    answers: list[Exception | None] = [LOST, RefusedError("no", status=503, code="busy"), None]
    done = Revocation(venue_of(on_revoke=lambda _: answers.pop(0)), [target("0x01")])
    assert done.go() == [RevocationResult.REVOKED]
    assert done.is_proven
    assert done.seconds >= 2 * RETRY_REVOKE_S
    assert done.targets[0].error == ""


def test_lost_response_does_no_harm() -> None:
    venue = venue_of()

    def executed_and_lost(session: str) -> Exception:
        found = venue.records[session]
        assert found is not None
        venue.records[session] = replace(found, revoked=True)
        return LOST

    venue.on_revoke = executed_and_lost
    done = Revocation(venue)
    assert done.go() == [RevocationResult.REVOKED, RevocationResult.REVOKED]
    assert len(venue.revokes) == 2


def test_session_the_venue_will_not_revoke_is_left_with_the_reason_at_the_deadline() -> None:
    done = Revocation(venue_of(on_revoke=lambda session: LOST if session == "0x02" else None))
    assert done.go(patience=20) == [RevocationResult.REVOKED, RevocationResult.LEFT]
    assert not done.is_proven
    assert done.targets[1].error == str(LOST)
    assert 20 <= done.seconds < 22


def test_unreadable_chain_proves_nothing() -> None:
    venue = venue_of()

    def dead(read: SessionsRead) -> SessionsRead:
        if venue.revokes:
            raise UnreachableError("RPC_URL failed")
        return read

    venue.on_sessions = dead
    done = Revocation(venue)
    assert done.go(patience=10) == [RevocationResult.LEFT, RevocationResult.LEFT]
    assert not done.is_proven


def test_read_of_an_older_block_is_ignored() -> None:
    venue = venue_of()
    alive = dict(venue.records)

    def lags(read: SessionsRead) -> SessionsRead:
        return SessionsRead(99, read.block_time, alive) if read.block == 101 else read

    venue.on_sessions = lags
    done = Revocation(venue)
    assert done.go() == [RevocationResult.REVOKED, RevocationResult.REVOKED]
    assert len(venue.revokes) == 2


@given(
    st.lists(st.sampled_from(["unread", "older", "fails", "good"]), max_size=12),
    st.lists(st.sampled_from([None, LOST]), max_size=4),
)
def test_proven_holds_only_for_sessions_that_are_over(reads: list[str], answers: list[VenueError | None]) -> None:
    """Whatever fails on the way: proven means over, and once the chain is readable again it is reached."""
    venue = venue_of(on_revoke=lambda _: answers.pop(0) if answers else None)

    def shown(read: SessionsRead) -> SessionsRead:
        kind = reads.pop(0) if reads and venue.reads_sessions > 1 else "good"
        venue.reads_sessions += 1
        if kind == "fails":
            raise LOST
        if kind == "unread":
            return SessionsRead(read.block, read.block_time, dict.fromkeys(read.records))
        return SessionsRead(read.block - 50, read.block_time, read.records) if kind == "older" else read

    venue.on_sessions = shown
    done = Revocation(venue)
    done.go()
    assert done.is_proven
    assert all(found is not None and found.revoked for found in venue.records.values())
