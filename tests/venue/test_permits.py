"""Permits, session ids and relayer roots, compared with eth_account and a second computation."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ama_tui.domain.session import Methods, RelayerSet, SessionPermit
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.signer import Signer
from ama_tui.venue import permits

REGISTRY = "0x" + "5e" * 20
KEY = "0x" + "11" * 32
TRADER = Account.from_key(KEY).address.lower()
FIELDS = [
    {"name": "trader", "type": "address"},
    {"name": "relayerSetRoot", "type": "bytes32"},
    {"name": "expiry", "type": "uint256"},
    {"name": "maxNotionalPerTrade", "type": "uint256"},
    {"name": "maxNotionalPerSession", "type": "uint256"},
    {"name": "methodsBitmap", "type": "bytes32"},
    {"name": "sessionSalt", "type": "bytes32"},
    {"name": "allowedMarkets", "type": "bytes32[]"},
    {"name": "nonce", "type": "uint256"},
]
PERMIT = SessionPermit(
    trader=TRADER,
    relayer_set_root="0x" + "aa" * 32,
    expiry=1_800_000_000,
    max_notional_per_trade6=5_000_000_000,
    max_notional_per_session6=0,
    methods=Methods.PLACE_MARGIN_LIMIT | Methods.CANCEL,
    salt="0x" + "5a" * 32,
    allowed_markets=("0x" + "01" * 32, "0x" + "02" * 32),
    nonce=3,
)

HASHES = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
UINT = st.integers(0, 2**256 - 1)
PERMITS = st.builds(
    SessionPermit,
    trader=st.just(TRADER),
    relayer_set_root=HASHES,
    expiry=UINT,
    max_notional_per_trade6=UINT,
    max_notional_per_session6=UINT,
    methods=st.integers(0, 63).map(Methods),
    salt=HASHES,
    allowed_markets=st.lists(HASHES, max_size=3).map(tuple),
    nonce=UINT,
)


def typed_data(permit: SessionPermit, chain_id: int) -> Any:
    return encode_typed_data(
        {"name": "DexetraMeta", "version": "1", "chainId": chain_id, "verifyingContract": REGISTRY},
        {"SessionPermit": FIELDS},
        {
            "trader": permit.trader,
            "relayerSetRoot": bytes.fromhex(permit.relayer_set_root[2:]),
            "expiry": permit.expiry,
            "maxNotionalPerTrade": permit.max_notional_per_trade6,
            "maxNotionalPerSession": permit.max_notional_per_session6,
            "methodsBitmap": int(permit.methods).to_bytes(32, "big"),
            "sessionSalt": bytes.fromhex(permit.salt[2:]),
            "allowedMarkets": [bytes.fromhex(market[2:]) for market in permit.allowed_markets],
            "nonce": permit.nonce,
        },
    )


@settings(max_examples=60)
@given(PERMITS, st.integers(1, 2**64))
@example(PERMIT, 999)
def test_digest_and_signature_match_eth_account(permit: SessionPermit, chain_id: int) -> None:
    message = typed_data(permit, chain_id)
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    assert permits.permit_digest(permit, chain_id, REGISTRY) == digest
    signature = Signer({TRADER: SecretKey(bytes.fromhex(KEY[2:]))}).sign(
        permit.trader, permits.permit_digest(permit, chain_id, REGISTRY)
    )
    assert signature == "0x" + Account.sign_message(message, KEY).signature.hex()
    assert Account.recover_message(message, signature=signature).lower() == TRADER


def test_golden_permit_has_its_known_digest_and_session_id() -> None:
    assert permits.permit_digest(PERMIT, 999, REGISTRY).hex() == GOLDEN_DIGEST
    assert permits.session_id(PERMIT) == GOLDEN_SESSION_ID


GOLDEN_DIGEST = "c27e5363857ae295f5eae004303b3da23997f0034318126144844fc7cd4e6b0d"
GOLDEN_SESSION_ID = "0x85092c8126fe434e610703ebc4c44971338d637a98f9586fd1eea282e97c2073"


@given(PERMITS)
def test_session_id_is_the_hash_of_the_abi_encoding(permit: SessionPermit) -> None:
    words = [permit.trader, bytes.fromhex(permit.relayer_set_root[2:]), bytes.fromhex(permit.salt[2:])]
    assert permits.session_id(permit) == "0x" + keccak(encode(["address", "bytes32", "bytes32"], words)).hex()


def test_payload_has_integers_as_decimal_strings() -> None:
    assert permits.permit_payload(PERMIT) == {
        "trader": TRADER,
        "relayerSetRoot": "0x" + "aa" * 32,
        "expiry": "1800000000",
        "maxNotionalPerTrade": "5000000000",
        "maxNotionalPerSession": "0",
        "methodsBitmap": "0x" + "22".rjust(64, "0"),
        "sessionSalt": "0x" + "5a" * 32,
        "allowedMarkets": ["0x" + "01" * 32, "0x" + "02" * 32],
        "nonce": "3",
    }


def test_root_of_one_relayer_is_its_leaf() -> None:
    assert permits.relayer_root(["0x" + "11" * 20]) == "0x" + keccak(b"\x11" * 20).hex()


def test_root_of_three_pairs_the_odd_one_with_itself() -> None:
    a, b, c = sorted(keccak(bytes([n]) * 20) for n in (1, 2, 3))
    left, right = keccak(a + b), keccak(c + c)
    expected = keccak(min(left, right) + max(left, right))
    relayers = ["0x" + f"{n:02x}" * 20 for n in (1, 2, 3)]
    assert permits.relayer_root(relayers) == "0x" + expected.hex()


@given(st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=9, unique=True), st.randoms())
def test_root_does_not_depend_on_the_order_of_the_set(raw: list[bytes], random: Any) -> None:
    addresses = ["0x" + one.hex() for one in raw]
    root = permits.relayer_root(addresses)
    random.shuffle(addresses)
    assert permits.relayer_root(addresses) == root


def test_relayer_set_with_a_wrong_root_is_reported() -> None:
    address = "0x" + "11" * 20
    assert permits.relayer_set_problem(RelayerSet((address,), permits.relayer_root([address]))) is None
    assert "the venue's relayer root" in str(permits.relayer_set_problem(RelayerSet((address,), "0x" + "00" * 32)))
    assert permits.relayer_set_problem(RelayerSet((), "0x" + "00" * 32)) == "the venue has no relayers"
    with pytest.raises(ValueError, match="empty"):
        permits.relayer_root([])
