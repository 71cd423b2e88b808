"""A private key is shown only to code that asks for it."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_key import WalletKey

RAW = bytes(range(1, 33))


def test_key_is_masked_in_every_text_form() -> None:
    key = SecretKey(RAW)
    wallet = WalletKey(0, "a", "0x" + "11" * 20, key)
    for text in (
        repr(key),
        str(key),
        f"{key}",
        f"{key!r:>40}",
        repr([key]),
        repr(wallet),
        str({"key": wallet}),
    ):
        assert "SecretKey(…)" in text
        assert RAW.hex()[:8] not in text


def test_key_is_returned_only_by_its_accessors() -> None:
    assert SecretKey(RAW).raw() == RAW
    assert SecretKey(RAW).hex() == "0x" + RAW.hex()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_key_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        pickle.dumps(SecretKey(RAW), protocol)


def test_key_cannot_be_copied_with_its_wallet() -> None:
    wallet = WalletKey(0, "a", "0x" + "11" * 20, SecretKey(RAW))
    with pytest.raises(TypeError):
        copy.deepcopy(wallet)
    with pytest.raises(TypeError):
        dataclasses.asdict(wallet)


def test_keys_compare_by_value() -> None:
    assert SecretKey(RAW) == SecretKey(RAW)
    assert SecretKey(RAW) != SecretKey(RAW[::-1])
    assert SecretKey(RAW) != RAW
    assert len({SecretKey(RAW), SecretKey(RAW)}) == 1


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_of_the_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SecretKey(b"\1" * size)
