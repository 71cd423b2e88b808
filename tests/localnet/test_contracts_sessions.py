"""Gasless sessions: permits, proofs, limits and the six session methods, run on a real EVM."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ama_tui.localnet import merkle
from ama_tui.localnet.node import CallReverted
from tests.localnet.contract_bench import (
    ALICE,
    BOB,
    OWNER,
    RELAYERS,
    STRANGER,
    TRADER,
    UNIT,
    USDC,
    Bench,
)

MARKET_ORDER = (UNIT, True)
LIMIT_ORDER = (99 * USDC, UNIT, True)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_session_is_recorded_as_signed(bench: Bench) -> None:
    permit = bench.permit(maxNotionalPerTrade=5, maxNotionalPerSession=6)
    session = bench.create_session(permit)
    types = ["address", "bytes32", "bytes32"]
    assert session == keccak(encode(types, [TRADER, permit["relayerSetRoot"], permit["sessionSalt"]]))
    assert bench.read("SessionRegistry", "sessions", session) == (
        TRADER,
        permit["relayerSetRoot"],
        permit["expiry"],
        5,
        6,
        0,
        permit["methodsBitmap"],
        False,
    )
    assert bench.read("SessionRegistry", "metaNonce", TRADER) == 1


@pytest.mark.parametrize("markets", [[], [b"\x01" * 32], [bytes([n]) * 32 for n in range(1, 65)]])
def test_permit_with_any_number_of_markets_is_accepted(bench: Bench, markets: list[bytes]) -> None:
    assert len(bench.create_session(bench.permit(allowedMarkets=markets))) == 32


def test_parity_byte_may_be_0_or_27(bench: Bench) -> None:
    permit = bench.permit()
    signature = bench.sign(permit)
    bench.create_session(permit, signature[:64] + bytes([signature[64] - 27]))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"nonce": 1}, "bad_nonce"), ({"expiry": 1_700_000_000}, "expired")],
)
def test_permit_with_wrong_nonce_or_expiry_is_refused(bench: Bench, changes: Any, reason: str) -> None:
    with pytest.raises(CallReverted, match=f"^{reason}$"):
        bench.create_session(bench.permit(**changes))


@pytest.mark.parametrize("broken", [b"", b"\x00" * 65, b"\x01" * 64])
def test_malformed_signature_is_refused(bench: Bench, broken: bytes) -> None:
    with pytest.raises(CallReverted, match=r"^bad_sig$"):
        bench.create_session(bench.permit(), broken)


def test_malformed_signature_of_the_zero_address_is_refused(bench: Bench) -> None:
    with pytest.raises(CallReverted, match=r"^bad_sig$"):
        bench.create_session(bench.permit(trader="0x" + "00" * 20, nonce=0), b"")


def test_permit_changed_after_signing_is_refused(bench: Bench) -> None:
    permit = bench.permit()
    signature = bench.sign(permit)
    changed = {
        "trader": ALICE,
        "relayerSetRoot": b"\x01" * 32,
        "expiry": permit["expiry"] + 1,
        "maxNotionalPerTrade": 1,
        "maxNotionalPerSession": 1,
        "methodsBitmap": b"\x00" * 32,
        "sessionSalt": b"\x01" * 32,
        "allowedMarkets": [bench.market_id],
    }
    for field, value in changed.items():
        with pytest.raises(CallReverted, match="bad_sig"):
            bench.create_session({**permit, field: value}, signature)
    bench.create_session(permit, signature)


def test_permit_works_once(bench: Bench) -> None:
    permit = bench.permit()
    bench.create_session(permit)
    with pytest.raises(CallReverted, match="bad_nonce"):
        bench.create_session(permit)


@pytest.mark.parametrize("relayer", RELAYERS)
def test_every_relayer_of_the_set_may_trade(bench: Bench, relayer: str) -> None:
    session = bench.create_session(bench.permit())
    bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER, relayer=relayer)
    assert len(bench.orders(TRADER)) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 9])
def test_relayer_sets_of_any_size_prove_their_members(bench: Bench, count: int) -> None:
    members = ["0x" + f"{number:02x}" * 20 for number in range(0x31, 0x31 + count)]
    session = bench.create_session(bench.permit(relayerSetRoot=merkle.root(members)))
    for member in members:
        proof = merkle.proof(members, member)
        bench.send(member, "OrderBook", "sessionPlaceMarginLimit", session, proof, TRADER, *LIMIT_ORDER)
    assert len(bench.orders(TRADER)) == count


def test_relayer_outside_the_set_is_refused(bench: Bench) -> None:
    session = bench.create_session(bench.permit())
    with pytest.raises(CallReverted, match=r"^session_bad_relayer$"):
        bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER, relayer=STRANGER)


def test_wrong_root_is_accepted_at_creation_and_refused_at_the_first_trade(bench: Bench) -> None:
    session = bench.create_session(bench.permit(relayerSetRoot=b"\x55" * 32))
    with pytest.raises(CallReverted, match=r"^session_bad_relayer$"):
        bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)


def test_unknown_session_is_refused(bench: Bench) -> None:
    with pytest.raises(CallReverted, match=r"^session_unknown$"):
        bench.relay("sessionPlaceMarginLimit", b"\x01" * 32, *LIMIT_ORDER)


def test_session_works_only_for_its_own_trader(bench: Bench) -> None:
    session = bench.create_session(bench.permit())
    proof = merkle.proof(RELAYERS, RELAYERS[0])
    with pytest.raises(CallReverted, match=r"^session_bad_trader$"):
        bench.send(RELAYERS[0], "OrderBook", "sessionPlaceMarginLimit", session, proof, ALICE, *LIMIT_ORDER)


def test_session_expires_at_its_expiry(bench: Bench) -> None:
    session = bench.create_session(bench.permit(expiry=bench.now + 60))
    bench.advance(59)
    bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)
    bench.advance(1)
    with pytest.raises(CallReverted, match=r"^session_expired$"):
        bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)


@pytest.mark.parametrize("sender", [RELAYERS[3], TRADER])
def test_revoked_session_is_refused_and_may_be_revoked_again(bench: Bench, sender: str) -> None:
    session = bench.create_session(bench.permit())
    bench.send(sender, "SessionRegistry", "revokeSession", session)
    bench.send(sender, "SessionRegistry", "revokeSession", session)
    assert bench.read("SessionRegistry", "sessions", session)[7] is True
    with pytest.raises(CallReverted, match=r"^session_revoked$"):
        bench.relay("sessionCancelOrder", session, 1)


def test_stranger_cannot_revoke(bench: Bench) -> None:
    session = bench.create_session(bench.permit())
    with pytest.raises(CallReverted, match="not_relayer"):
        bench.send(STRANGER, "SessionRegistry", "revokeSession", session)
    with pytest.raises(CallReverted, match="session_unknown"):
        bench.send(RELAYERS[0], "SessionRegistry", "revokeSession", b"\x01" * 32)


def test_session_for_other_markets_is_refused(bench: Bench) -> None:
    elsewhere = bench.create_session(bench.permit(allowedMarkets=[b"\x01" * 32]))
    with pytest.raises(CallReverted, match=r"^session_orderbook_not_allowed$"):
        bench.relay("sessionPlaceMarginLimit", elsewhere, *LIMIT_ORDER)
    markets = [b"\x01" * 32, bench.market_id]
    here = bench.create_session(bench.permit(allowedMarkets=markets, sessionSalt=b"\x08" * 32))
    bench.relay("sessionPlaceMarginLimit", here, *LIMIT_ORDER)


def test_unregistered_book_cannot_charge_a_session(bench: Bench) -> None:
    session = bench.create_session(bench.permit())
    proof = merkle.proof(RELAYERS, RELAYERS[0])
    with pytest.raises(CallReverted, match=r"^session_orderbook_not_allowed$"):
        bench.send(STRANGER, "SessionRegistry", "chargeSession", session, TRADER, 1, 0, proof, RELAYERS[0])


SESSION_METHODS = [
    ("sessionPlaceLimit", LIMIT_ORDER),
    ("sessionPlaceMarginLimit", LIMIT_ORDER),
    ("sessionPlaceMarket", MARKET_ORDER),
    ("sessionPlaceMarginMarket", MARKET_ORDER),
    ("sessionModifyOrder", (None, 98 * USDC, UNIT)),
    ("sessionCancelOrder", (None,)),
]


@pytest.mark.parametrize("bit", range(6))
def test_method_needs_exactly_its_own_bit(bench: Bench, bit: int) -> None:
    own_order = bench.buy(TRADER, 90, 1)
    bench.sell(ALICE, 100, 1)
    name, args = SESSION_METHODS[bit]
    args = tuple(own_order if value is None else value for value in args)
    without = bench.create_session(bench.permit(methodsBitmap=(0b111111 ^ 1 << bit).to_bytes(32, "big")))
    with pytest.raises(CallReverted, match=r"^session_method_denied$"):
        bench.relay(name, without, *args)
    alone = bench.create_session(bench.permit(methodsBitmap=(1 << bit).to_bytes(32, "big"), sessionSalt=b"\x08" * 32))
    assert bench.relay(name, alone, *args).ok


def test_trade_cap_limits_the_notional_of_a_trade(bench: Bench) -> None:
    session = bench.create_session(bench.permit(maxNotionalPerTrade=99 * USDC))
    bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)
    with pytest.raises(CallReverted, match=r"^session_trade_cap$"):
        bench.relay("sessionPlaceMarginLimit", session, 99 * USDC + 1, UNIT, True)


def test_session_cap_adds_up_and_cancellations_are_free(bench: Bench) -> None:
    session = bench.create_session(bench.permit(maxNotionalPerSession=250 * USDC))
    bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)
    bench.relay("sessionModifyOrder", session, bench.orders(TRADER)[0], 98 * USDC, UNIT)
    with pytest.raises(CallReverted, match=r"^session_session_cap$"):
        bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)
    bench.relay("sessionCancelOrder", session, bench.orders(TRADER)[0])
    assert bench.read("SessionRegistry", "sessions", session)[5] == 197 * USDC


def test_market_order_is_charged_at_the_touch(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    session = bench.create_session(bench.permit(maxNotionalPerTrade=99 * USDC))
    with pytest.raises(CallReverted, match=r"^session_trade_cap$"):
        bench.relay("sessionPlaceMarginMarket", session, *MARKET_ORDER)


def test_refused_trade_is_not_charged(bench: Bench) -> None:
    session = bench.create_session(bench.permit())
    with pytest.raises(CallReverted, match="insufficient_collateral"):
        bench.relay("sessionPlaceMarginLimit", session, 10**13, UNIT, True)
    assert bench.read("SessionRegistry", "sessions", session)[5] == 0


def test_foreign_order_cannot_be_touched_through_a_session(bench: Bench) -> None:
    foreign = bench.buy(ALICE, 90, 1)
    session = bench.create_session(bench.permit())
    for name, more in (("sessionCancelOrder", ()), ("sessionModifyOrder", (91 * USDC, UNIT))):
        with pytest.raises(CallReverted, match=r"^order_not_owner$"):
            bench.relay(name, session, foreign, *more)
        with pytest.raises(CallReverted, match=r"^order_unknown$"):
            bench.relay(name, session, 123, *more)


def test_spot_limit_reserves_its_full_notional_on_either_side() -> None:
    bench = Bench(margin_bps=2_000)
    session = bench.create_session(bench.permit())
    for price, is_buy in ((90, True), (110, False)):
        bench.relay("sessionPlaceLimit", session, price * USDC, UNIT, is_buy)
        order = bench.order(bench.orders(TRADER)[-1])
        assert (order["is_margin"], order["margin6"]) == (False, price * USDC)


def test_spot_market_order_is_fully_collateralised() -> None:
    bench = Bench(margin_bps=2_000)
    bench.sell(ALICE, 100, 1)
    session = bench.create_session(bench.permit())
    bench.relay("sessionPlaceMarket", session, UNIT, True)
    assert bench.position(TRADER) == (UNIT, 100 * USDC, 100 * USDC)
    assert bench.read("OrderBook", "getUserPosition", TRADER) == UNIT


def test_order_under_a_session_belongs_to_the_trader_not_the_relayer(bench: Bench) -> None:
    session = bench.create_session(bench.permit())
    bench.relay("sessionPlaceMarginLimit", session, *LIMIT_ORDER)
    assert bench.order(bench.orders(TRADER)[0])["trader"] == TRADER
    bench.market(BOB, False, 1)
    assert bench.position(TRADER)[0] == UNIT


def test_only_the_owner_registers_books_and_relayers(bench: Bench) -> None:
    for function, args in (("registerBook", (b"\x01" * 32, ALICE)), ("setRelayers", ([ALICE], True))):
        with pytest.raises(CallReverted, match="not_owner"):
            bench.send(ALICE, "SessionRegistry", function, *args)
    bench.send(OWNER, "SessionRegistry", "setRelayers", [RELAYERS[0]], False)
    session = bench.create_session(bench.permit())
    with pytest.raises(CallReverted, match="not_relayer"):
        bench.send(RELAYERS[0], "SessionRegistry", "revokeSession", session)
