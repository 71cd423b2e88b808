"""Nothing is signed that we did not choose ourselves or that the chain does not confirm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ama_tui.domain.errors import PreflightError
from ama_tui.domain.session import Caps, Methods, RelayerSet, SessionPermit
from ama_tui.engine.market_terms import market_terms
from ama_tui.engine.sessions.pending_permits import PERMITS_PER_HOUR
from ama_tui.engine.sessions.permit_checks import Clocks, PermitTerms, permit_problem
from ama_tui.venue.permits import relayer_root
from tests.engine.fakes import METHODS, RELAYER_ADDRESSES, RELAYERS, FakeVenue, connections_of
from tests.engine.samples import ALICE, BOB, MARKET, TERMS
from tests.engine.sessions.preparing import NOW, Preparation, refused

OTHER_MARKET = "0x" + "99" * 32
CAPS = Caps(5_000_000, 900_000_000)
TERMS_OF_ALICE = PermitTerms(
    ALICE, (MARKET.market_id,), (MARKET.market_id,), METHODS, CAPS, RELAYERS, 3, Clocks(NOW, NOW, NOW), 86_400
)
PERMIT = SessionPermit(
    ALICE,
    RELAYERS.root,
    NOW + 86_400,
    CAPS.per_trade6,
    CAPS.per_session6,
    METHODS,
    "0x" + "5a" * 32,
    (MARKET.market_id,),
    3,
)
YEARS = 10 * 365 * 86_400


def test_permit_within_its_terms_may_be_signed() -> None:
    assert permit_problem(PERMIT, TERMS_OF_ALICE) is None


@pytest.mark.parametrize(
    ("permit", "says"),
    [
        ({"trader": BOB}, "not for the wallet"),
        ({"allowed_markets": (OTHER_MARKET,)}, "for market"),
        ({"allowed_markets": (MARKET.market_id, OTHER_MARKET)}, "for market"),
        ({"allowed_markets": ()}, "for market"),
        ({"methods": METHODS | Methods.PLACE_MARKET}, "allows"),
        ({"max_notional_per_trade6": 0}, "caps"),
        ({"max_notional_per_session6": 10 * CAPS.per_session6}, "caps"),
        ({"relayer_set_root": "0x" + "66" * 32}, "relayer root"),
        ({"nonce": 4}, "nonce is 4, the registry's 3"),
        ({"expiry": NOW + YEARS}, "would last until"),
        ({"expiry": 2**255}, "would last until Unix time"),
        ({"expiry": NOW}, "would last until"),
    ],
    ids=str,
)
def test_permit_that_differs_from_its_terms_is_refused(permit: dict[str, Any], says: str) -> None:
    assert says in str(permit_problem(replace(PERMIT, **permit), TERMS_OF_ALICE))


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"listed_market_ids": (OTHER_MARKET,)}, f"lists market id {OTHER_MARKET}"),
        ({"relayers": RelayerSet(RELAYER_ADDRESSES[:1], RELAYERS.root)}, "does not match its relayers"),
        ({"relayers": RelayerSet((), RELAYERS.root)}, "no relayers"),
        ({"relayers": RelayerSet(RELAYER_ADDRESSES[:1], relayer_root(RELAYER_ADDRESSES[:1]))}, "relayer root"),
        ({"clocks": Clocks(NOW, NOW + YEARS, NOW)}, "the node's clock looks wrong"),
        ({"clocks": Clocks(NOW, 2**255, NOW)}, "the node's clock looks wrong"),
        ({"clocks": Clocks(NOW, NOW - 301, NOW)}, "the node's clock looks wrong"),
        ({"clocks": Clocks(NOW, NOW + 301, NOW + 301)}, "this machine's clock looks wrong"),
        ({"clocks": Clocks(NOW, NOW + 301)}, "this machine's clock or the node's"),
        ({"clocks": Clocks(NOW, NOW + 1_000, NOW + 2_000)}, "agrees with neither"),
    ],
    ids=str,
)
def test_venue_that_contradicts_itself_or_the_chain_gets_no_permit(terms: dict[str, Any], says: str) -> None:
    assert says in str(permit_problem(PERMIT, replace(TERMS_OF_ALICE, **terms)))


@pytest.mark.parametrize("ahead", [-300, 300])
def test_clocks_may_differ_by_five_minutes(ahead: int) -> None:
    assert permit_problem(PERMIT, replace(TERMS_OF_ALICE, clocks=Clocks(NOW, NOW + ahead))) is None


async def test_market_id_that_the_chain_contradicts_is_refused_with_both_values() -> None:
    class Chain(FakeVenue):
        async def terms(self, order_book: str) -> object:
            return replace(TERMS, market_id=OTHER_MARKET)

    fake: Any = Chain()
    with pytest.raises(PreflightError, match=f"{MARKET.market_id}.*{OTHER_MARKET}"):
        await market_terms(connections_of(fake), MARKET)


def test_venue_that_uses_up_nonces_without_sessions_gets_four_permits_an_hour() -> None:
    def consume(permit: SessionPermit) -> Exception:
        venue.nonces[ALICE] = permit.nonce + 1
        return refused("bad_nonce")

    venue = FakeVenue(nonces={ALICE: 0}, on_init=consume)
    preparation = Preparation(venue, attempts=3)
    alice = preparation.go()
    assert len({permit.salt for permit in venue.permits}) == PERMITS_PER_HOUR
    assert "4 were signed within the last hour: the wallet waits 60 min" in str(alice.note)
