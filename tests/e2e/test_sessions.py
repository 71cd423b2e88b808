"""Sessions revoked from outside, and wallets added or removed between runs."""

from __future__ import annotations

import signal

from ama_tui.domain.session import HOW_TO_RENEW
from ama_tui.domain.session import REVOKED as ENDED
from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import assert_each_level_once, count_orders
from tests.e2e.client import OtherClient
from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue

REVOKED = f"{ENDED}: {HOW_TO_RENEW}"


def sessions_of(operator: Operator) -> dict[str, str]:
    """The requested session of each wallet."""
    return {
        line["trader"]: line["params"]["sessionId"]
        for line in operator.journal()
        if line["action"] == "SESSION_INIT" and "error" not in line
    }


def assert_nine_packed(client: OtherClient, symbol: str, revoked: str) -> None:
    others = [key for key in client.keys if key.address != revoked]
    assert len(others) == 9
    assert_each_level_once(client, symbol, others, 6)


def test_session_revoked_during_placement_leaves_nine_wallets_packed_and_one_with_the_reason(
    serve: ServeVenue, operators: NewOperator
) -> None:
    venue = serve(VenueOptions(block_time=0.3))
    client, operator = venue.client, operators(venue)
    unlucky = client.keys[3]
    running = operator.start(*PACK, "--market", "BNB-USD")
    running.until("its session", lambda: unlucky.address in sessions_of(operator))
    client.revoke("BNB-USD", sessions_of(operator)[unlucky.address])
    summary = running.wait().packed()
    assert summary["short"] == {unlucky.nickname: REVOKED}
    assert (summary["crossed"], summary["unknown"]) == (0, 0)
    assert_nine_packed(client, "BNB-USD", unlucky.address)


def test_session_revoked_between_two_runs_is_not_recreated_unless_requested(
    serve: ServeVenue, operators: NewOperator
) -> None:
    venue = serve(VenueOptions(wallets=3, block_time=0.2))
    client, operator = venue.client, operators(venue)
    bnb = ("--market", "BNB-USD", "--orders-per-side")
    running = operator.start(*PACK, *bnb, "1")
    running.until("three sessions", lambda: len(sessions_of(operator)) == 3)
    running.signal(signal.SIGINT)
    first = running.wait()
    revoked = client.keys[1]
    client.revoke("BNB-USD", sessions_of(operator)[revoked.address])

    # it may have placed its orders by then: now every wallet lacks some
    resumed = operator.ama(*PACK, *bnb, "2", "--resume").packed()
    assert resumed["runId"] == first.summary["runId"]
    assert resumed["short"] == {revoked.nickname: REVOKED}
    assert client.sessions_made(*client.addresses()) == [1, 1, 1]

    fresh = operator.ama(*PACK, *bnb, "2", "--fresh").packed()
    assert fresh["runId"] != first.summary["runId"]
    assert fresh["short"] == {revoked.nickname: REVOKED}
    assert client.sessions_made(*client.addresses()) == [1, 1, 1]

    renewed = operator.ama(*PACK, *bnb, "2", "--resume", "--renew-revoked").packed()
    assert (renewed["short"], renewed["sessions_created"], renewed["sessions_renewed"]) == ({}, 1, 0)
    assert client.sessions_made(*client.addresses()) == [1, 2, 1]
    assert_each_level_once(client, "BNB-USD", client.keys, 2)


def test_wallets_missing_since_the_checkpoint_are_named_with_their_open_orders(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    client = shared_venue.client
    operator.ama(*PACK, "--market", "ADA-USD", "--wallets", "3", "--orders-per-side", "1").packed()
    resumed = operator.ama(*PACK, "--market", "ADA-USD", "--wallets", "2", "--orders-per-side", "1", "--resume")
    assert resumed.packed()["wallets"] == 2
    (line,) = [line for line in resumed.err.splitlines() if "User003" in line]
    assert "2 " in line
    assert "User001" not in line
    assert operator.checkpoint()["wallets"].keys() == set(client.addresses(client.keys[:3]))
    assert count_orders(client, "ADA-USD", client.keys[:3]) == 6
