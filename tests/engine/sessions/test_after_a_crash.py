"""Sessions requested by an earlier process: found or requested again, but never created twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ama_tui.domain.plan import SkipReason
from ama_tui.domain.session import Methods, SessionPermit, SessionRecord
from ama_tui.engine.sessions.creation import BETWEEN_READS_S
from ama_tui.store.journal.replay import AnnouncedSession
from ama_tui.venue.permits import session_id
from tests.engine.fakes import METHODS, RELAYERS, FakeVenue
from tests.engine.samples import ALICE, BOB, MARKET
from tests.engine.sessions.preparing import NOW, Preparation

# ---- after a crash ----


def written(permit: SessionPermit) -> Mapping[str, Sequence[AnnouncedSession]]:
    """The journal's view of a permit without a response."""
    return {permit.trader: [AnnouncedSession(session_id(permit), permit.expiry, permit=permit)]}


def asked_for(**changes: object) -> SessionPermit:
    """A permit without caps that a run requested a minute ago."""
    permit = SessionPermit(
        ALICE, RELAYERS.root, NOW + 86_340, 0, 0, METHODS, "0x" + "5a" * 32, (MARKET.market_id,), nonce=3
    )
    return replace(permit, **changes)  # type: ignore[arg-type]


def after_a_crash(venue: FakeVenue, permit: SessionPermit) -> Preparation:
    return Preparation(venue, {permit.trader: [session_id(permit)]}, announced=written(permit), has_caps=False)


def test_session_created_after_the_crash_is_used() -> None:
    permit = asked_for()
    venue = FakeVenue({session_id(permit): permit.as_record(session_id(permit))}, nonces={ALICE: 4})
    assert after_a_crash(venue, permit).go().session.id == session_id(permit)
    assert venue.permits == []


def test_unacknowledged_permit_is_sent_again_at_once() -> None:
    permit = asked_for()
    venue = FakeVenue(nonces={ALICE: 3})
    done = after_a_crash(venue, permit)
    assert done.go().session.id == session_id(permit)
    assert venue.permits == [permit]
    assert done.seconds < 1


@pytest.mark.parametrize(
    "changes",
    [
        {"relayer_set_root": "0x" + "00" * 32},
        {"methods": Methods(63)},
        {"expiry": NOW + 300},
        {"expiry": NOW + 90_000},
        {"max_notional_per_session6": 10},
        {"allowed_markets": ("0x" + "ee" * 32,)},
        {"allowed_markets": ()},
    ],
)
def test_outdated_permit_is_replaced_under_the_same_nonce(changes: dict[str, object]) -> None:
    """Whichever of the two is mined first invalidates the other."""
    permit = asked_for(**changes)
    venue = FakeVenue(nonces={ALICE: 3})
    assert after_a_crash(venue, permit).go().session.id == session_id(venue.permits[0])
    (other,) = venue.permits
    assert (other != permit, other.nonce) == (True, 3)


def test_permit_of_another_trader_in_a_wallets_lines_is_never_signed() -> None:
    venue = FakeVenue(nonces={ALICE: 3})
    done = after_a_crash(venue, asked_for())
    done.announced = {ALICE: written(asked_for(trader=BOB))[BOB]}
    done.go()
    assert [permit.trader for permit in venue.permits] == [ALICE]


def test_permit_whose_nonce_is_taken_is_replaced_after_a_search_for_its_session() -> None:
    permit = asked_for()
    venue = FakeVenue(nonces={ALICE: 4})
    done = after_a_crash(venue, permit)
    done.go()
    assert [one.nonce for one in venue.permits] == [4]
    assert (venue.asked_status, round(done.seconds, 6) >= 2 * BETWEEN_READS_S) == ([session_id(permit)], True)


def test_session_hidden_by_a_lagging_node_is_not_created_again() -> None:
    permit = asked_for()
    venue = FakeVenue(nonces={ALICE: 4}, known_to_the_venue={session_id(permit)})
    alice = after_a_crash(venue, permit).go()
    assert (venue.permits, alice.unusable) == ([], SkipReason.NO_SESSION)


def test_session_that_appears_during_the_search_is_used() -> None:
    permit = asked_for()
    venue = FakeVenue(nonces={ALICE: 4})
    read, asked = venue.session_records, 0

    async def read_late(registry: str, ids: list[str]) -> dict[str, SessionRecord | None]:
        nonlocal asked
        asked += 1
        if asked == 3:
            venue.created(permit)
        return await read(registry, ids)

    venue.session_records = read_late  # type: ignore[method-assign]
    assert after_a_crash(venue, permit).go().session.id == session_id(permit)
    assert venue.permits == []


def test_nonce_used_by_a_later_session_is_not_searched_for() -> None:
    lost, made = asked_for(), asked_for(nonce=4, salt="0x" + "6b" * 32, expiry=NOW - 1)
    venue = FakeVenue({session_id(made): made.as_record(session_id(made))}, nonces={ALICE: 5})
    ids = [session_id(lost), session_id(made)]
    announced = {ALICE: [*written(lost)[ALICE], *written(made)[ALICE]]}
    done = Preparation(venue, {ALICE: ids}, announced=announced)
    done.go()
    assert ([one.nonce for one in venue.permits], venue.asked_status) == ([5], [])
