"""The signer: which keys it accepts, and that it never reveals one."""

from __future__ import annotations

import copy
import pickle
import sys
import traceback

import pytest
from eth_account import Account

from ama_tui.domain.errors import WalletsError
from ama_tui.keys import signer
from ama_tui.keys.secret_key import SecretKey
from ama_tui.venue.permits import permit_digest
from tests.venue.test_permits import KEY, PERMIT, REGISTRY, TRADER

SECRET = SecretKey(bytes.fromhex(KEY[2:]))


def test_signer_knows_its_addresses_in_any_case() -> None:
    fleet = signer.Signer({Account.from_key(KEY).address: SECRET})
    assert fleet.addresses == (TRADER,)
    assert TRADER.upper().replace("0X", "0x") in fleet
    assert "0x" + "00" * 20 not in fleet


def test_repr_copy_and_pickle_reveal_no_key() -> None:
    fleet = signer.Signer({TRADER: SECRET})
    assert repr(fleet) == "Signer(1 keys, masked)"
    for leak in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="holds keys"):
            leak(fleet)


@pytest.mark.parametrize("key", ["00" * 32, "ff" * 32])
@pytest.mark.parametrize("load", ["fast", "slow"])
def test_invalid_key_is_refused_without_being_repeated(load: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if load == "slow":
        monkeypatch.setattr(signer, "_load", signer._load_slow)
    with pytest.raises(WalletsError, match=f"private key of {TRADER} is invalid") as caught:
        signer.Signer({TRADER: SecretKey(bytes.fromhex(key))})
    assert key not in "".join(traceback.format_exception(caught.value))


def test_signer_keeps_no_key_as_text_and_no_reference_to_the_given_secret() -> None:
    given = SecretKey(bytes.fromhex(KEY[2:]))
    fleet = signer.Signer({TRADER: given})
    before = sys.getrefcount(given)
    del fleet
    assert sys.getrefcount(given) == before


def test_key_of_another_address_is_refused() -> None:
    with pytest.raises(WalletsError, match="another address"):
        signer.Signer({"0x" + "00" * 20: SECRET})


def test_signing_for_an_unknown_address_is_refused() -> None:
    with pytest.raises(WalletsError, match="no key for"):
        signer.Signer({}).sign(TRADER, permit_digest(PERMIT, 1, REGISTRY))


def test_both_libraries_produce_the_same_signature() -> None:
    digest = permit_digest(PERMIT, 999, REGISTRY)
    secret = bytes.fromhex(KEY[2:])
    fast, fast_public = signer._load(secret)
    slow, slow_public = signer._load_slow(secret)
    assert fast(digest) == slow(digest)
    assert fast_public == slow_public
