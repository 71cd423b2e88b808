"""An independent client trades on the venue by the wire contract alone."""

from __future__ import annotations

from tests.e2e.venues import ServedVenue


def test_independent_client_opens_a_session_places_modifies_cancels_and_revokes(shared_venue: ServedVenue) -> None:
    client, symbol = shared_venue.client, "COPPER-USD"
    key = client.keys[9]
    session, _ = client.open_session(symbol, key)
    bid, ask = client.touch(symbol)
    assert 0 < bid < ask
    price6 = bid - 10 * 2_500_000

    placed = client.trade(
        symbol, session, "sessionPlaceMarginLimit", key, price=price6, amount=10**16, isBuy=True
    ).json()
    assert placed["mined"]
    (order,) = client.orders(symbol, key.address)[key.address]
    assert (order.price6, order.amount18, order.is_buy) == (price6, 10**16, True)

    client.trade(
        symbol, session, "sessionModifyOrder", key, orderId=order.order_id, price=price6, amount=2 * 10**16
    ).raise_for_status()
    (modified,) = client.orders(symbol, key.address)[key.address]
    assert (modified.amount18, modified.order_id != order.order_id) == (2 * 10**16, True)

    cancelled = client.trade(symbol, session, "sessionCancelOrder", key, orderId=modified.order_id).json()
    assert cancelled["pending"]
    status = client.get("/api/gasless/session/status", sessionId=session)
    assert (status["active"], status["trader"].lower()) == (True, key.address)
    client.revoke(symbol, session)
    assert client.orders(symbol, key.address) == {key.address: []}
    refused = client.trade(symbol, session, "sessionPlaceMarginLimit", key, price=price6, amount=10**16, isBuy=True)
    assert (refused.status_code, refused.json()["error"]) == (400, "session_revoked")
