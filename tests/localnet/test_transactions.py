"""Signed transactions, compared with those of eth_account."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.localnet.transactions import (
    BadTransactionError,
    created_address,
    decode_signed,
    unsigned,
)

KEY = Account.from_key(b"\x11" * 32)
TO = "0x" + "ab" * 20
COMMON = {"nonce": 3, "gas": 60_000, "to": bytes.fromhex(TO[2:]), "value": 9, "data": b"\x01\x02", "chainId": 31337}
FORMS: list[dict[str, Any]] = [
    {"gasPrice": 7},
    {"gasPrice": 7, "type": 1, "accessList": []},
    {"maxFeePerGas": 7, "maxPriorityFeePerGas": 9**9, "type": 2},
    {"maxFeePerGas": 9**9, "maxPriorityFeePerGas": 7, "type": 2},
]


@pytest.mark.parametrize("form", FORMS)
def test_signed_transaction_is_decoded(form: dict[str, Any]) -> None:
    signed = KEY.sign_transaction({**COMMON, **form})
    transaction = decode_signed(bytes(signed.raw_transaction), 31337)
    assert transaction.hash == "0x" + signed.hash.hex()
    assert transaction.sender == KEY.address.lower()
    assert (transaction.to, transaction.data) == (TO, b"\x01\x02")
    assert (transaction.nonce, transaction.gas, transaction.value) == (3, 60_000, 9)
    assert (transaction.gas_price, transaction.kind) == (7, form.get("type", 0))
    assert transaction.signature == (signed.v, signed.r, signed.s)


def test_contract_creation_has_no_receiver() -> None:
    signed = KEY.sign_transaction({**COMMON, "to": b"", "gasPrice": 0})
    assert decode_signed(bytes(signed.raw_transaction), 31337).to is None


@pytest.mark.parametrize("form", FORMS)
def test_transaction_for_another_chain_is_refused(form: dict[str, Any]) -> None:
    signed = KEY.sign_transaction({**COMMON, **form, "chainId": 1})
    with pytest.raises(BadTransactionError, match="have 1 want 31337"):
        decode_signed(bytes(signed.raw_transaction), 31337)


def test_legacy_transaction_without_a_chain_id_is_accepted() -> None:
    signed = KEY.sign_transaction({**COMMON, "gasPrice": 0, "chainId": None})
    assert decode_signed(bytes(signed.raw_transaction), 31337).sender == KEY.address.lower()


@settings(max_examples=30)
@given(st.binary(max_size=200))
def test_bytes_that_are_not_a_transaction_are_refused(raw: bytes) -> None:
    with pytest.raises(BadTransactionError, match="not a signed transaction"):
        decode_signed(raw, 31337)


def test_unsigned_transactions_differ_in_their_hashes() -> None:
    variants = [unsigned(31337, TO, TO, b"", nonce, 21_000) for nonce in range(3)] + [
        unsigned(31337, TO, None, b"", 0, 21_000),
        unsigned(1, TO, TO, b"", 0, 21_000),
    ]
    assert len({variant.hash for variant in variants}) == 5


def test_created_address_follows_the_published_examples() -> None:
    sender = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    assert created_address(sender, 0) == "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1) == "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"
