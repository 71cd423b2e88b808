"""Keystore files: those of other tools are read, ours are read by other tools, and anything else is one clear error."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_hash.auto import keccak

from ama_tui.domain.errors import PasswordError, WalletsError
from ama_tui.keys.keystore import is_keystore, keystore_of, read_keystore, wallet_of_keystore
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_key import wallet_of
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from tests.keys.silence import assert_silent

PATH = Path("key.json")
PASSWORD = "correct horse battery"
WALLET = wallet_of(0, "first maker", SecretKey(bytes(range(1, 33))))
KEYSTORE: dict[str, Any] = json.loads(keystore_of(WALLET, PASSWORD, n=2))

# The test vectors of the Web3 Secret Storage definition.
STANDARD_PASSWORD = "testpassword"
STANDARD_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
STANDARD_PBKDF2: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
STANDARD_SCRYPT = {
    "Crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "p": 8,
            "r": 1,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


def changed(*where: str, to: object) -> dict[str, Any]:
    """Our keystore with one thing changed; `...` removes it."""
    keystore = deepcopy(KEYSTORE)
    table = keystore
    for name in where[:-1]:
        table = table[name]
    if to is ...:
        del table[where[-1]]
    else:
        table[where[-1]] = to
    return keystore


def refusal(keystore: object, password: str = PASSWORD) -> WalletsError:
    content = keystore if isinstance(keystore, bytes) else json.dumps(keystore).encode()
    with pytest.raises(WalletsError) as raised:
        wallet_of_keystore(content, password, PATH)
    text = str(raised.value)
    assert "\n" not in text
    assert len(text) < 200
    assert_silent(raised.value, password, WALLET.key.hex()[2:18], WALLET.key.raw())
    return raised.value


@pytest.mark.parametrize("keystore", [STANDARD_PBKDF2, STANDARD_SCRYPT], ids=["pbkdf2", "scrypt"])
def test_standard_test_vectors_open(keystore: object) -> None:
    wallet = wallet_of_keystore(json.dumps(keystore).encode(), STANDARD_PASSWORD, PATH, 4)
    assert wallet.key.hex() == "0x" + STANDARD_KEY
    assert (wallet.index, wallet.nickname) == (4, "Wallet005")
    assert wallet.address == Account.from_key(STANDARD_KEY).address.lower()


def test_our_keystore_opens_in_other_tools() -> None:
    assert bytes(Account.decrypt(KEYSTORE, PASSWORD)) == WALLET.key.raw()
    assert KEYSTORE["version"] == 3
    assert KEYSTORE["address"] == WALLET.address.removeprefix("0x")


def test_keystore_round_trip_keeps_the_wallet_and_its_nickname() -> None:
    assert wallet_of_keystore(keystore_of(WALLET, PASSWORD, n=2), PASSWORD, PATH) == WALLET


def test_standard_cost_is_that_of_geth() -> None:
    parameters = json.loads(keystore_of(WALLET, PASSWORD))["crypto"]["kdfparams"]
    assert (parameters["n"], parameters["r"], parameters["p"]) == (262144, 8, 1)


def test_wrong_password_and_changed_key_are_indistinguishable_and_the_error_says_so() -> None:
    flipped = "%064x" % (int(KEYSTORE["crypto"]["ciphertext"], 16) ^ 1)
    for error in (refusal(KEYSTORE, "another password"), refusal(changed("crypto", "ciphertext", to=flipped))):
        assert isinstance(error, PasswordError)
        assert str(error) == "wrong password for key.json, or the file was changed: a keystore does not show which"


def test_address_that_does_not_match_the_key_is_refused() -> None:
    error = refusal(changed("address", to="ab" * 20))
    assert not isinstance(error, PasswordError)
    assert f"but its key belongs to {WALLET.address}" in error.message


def test_keystore_without_an_address_gets_the_keys_address() -> None:
    content = json.dumps(changed("address", to=...)).encode()
    assert wallet_of_keystore(content, PASSWORD, PATH).address == WALLET.address


@pytest.mark.parametrize("nickname", ["ab" * 32, "a\x1b[31m", 7, None])
def test_invalid_nickname_is_ignored(nickname: object) -> None:
    content = json.dumps(changed("nickname", to=nickname)).encode()
    assert wallet_of_keystore(content, PASSWORD, PATH).nickname == "Wallet001"


@pytest.mark.parametrize(
    ("where", "to", "words"),
    [
        (("version",), 4, "its version is 4, not 3"),
        (("version",), ..., "a field is missing or misplaced"),
        (("crypto",), ..., "a field is missing or misplaced"),
        (("crypto",), [], "a field is missing or misplaced"),
        (("crypto", "cipher"), "aes-256-gcm", "its cipher is aes-256-gcm"),
        (("crypto", "ciphertext"), "zz", "a field is not hexadecimal"),
        (("crypto", "ciphertext"), 5, "a field is not hexadecimal"),
        (("crypto", "mac"), None, "a field is not hexadecimal"),
        (("crypto", "kdf"), "argon2", "its kdf is argon2"),
        (("crypto", "kdfparams", "salt"), "abc", "a field is not hexadecimal"),
        (("crypto", "kdfparams", "dklen"), 1 << 40, "its derived key is not 32 bytes long"),
        (("crypto", "kdfparams", "n"), 1 << 40, "too much memory or time"),
        (("crypto", "kdfparams", "n"), 10**3000, "its scrypt parameters"),
        (("crypto", "kdfparams", "n"), 3, "its scrypt parameters are invalid"),
        (("crypto", "kdfparams", "n"), True, "a field is missing or misplaced"),
        (("crypto", "kdfparams", "p"), 1 << 40, "too much memory or time"),
        (("crypto", "kdfparams", "r"), 0, "its scrypt parameters are invalid"),
        (("crypto", "cipherparams", "iv"), ..., "a field is missing or misplaced"),
    ],
)
def test_deviation_from_the_standard_is_named(where: tuple[str, ...], to: object, words: str) -> None:
    error = refusal(changed(*where, to=to))
    assert not isinstance(error, PasswordError)
    assert error.message.startswith("key.json is not a valid keystore: ")
    assert words in error.message


@pytest.mark.parametrize(
    ("parameter", "to", "words"), [("c", 10**12, "too many PBKDF2 rounds"), ("prf", "hmac-md5", "hmac-sha256")]
)
def test_pbkdf2_with_too_many_rounds_or_another_hash_is_refused(parameter: str, to: object, words: str) -> None:
    keystore = deepcopy(STANDARD_PBKDF2)
    keystore["crypto"]["kdfparams"][parameter] = to
    assert words in refusal(keystore).message


@pytest.mark.parametrize("content", [b"{", b"{}", b"[]", b"7", b'{"a":' * 5000, b"\xff{", b"{\xff}"])
def test_content_that_is_not_a_json_object_is_refused(content: bytes) -> None:
    assert "is not a valid keystore" in refusal(content).message


def test_key_outside_the_curve_is_refused() -> None:
    """The keystore of an all-zero key, which no tool creates: the cipher's stream is the ciphertext."""
    crypto = KEYSTORE["crypto"]
    stream = int(crypto["ciphertext"], 16) ^ int.from_bytes(WALLET.key.raw())
    salt = bytes.fromhex(crypto["kdfparams"]["salt"])
    derived = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=2, r=8, p=1, dklen=32)
    keystore = changed("crypto", "ciphertext", to=f"{stream:064x}")
    keystore["crypto"]["mac"] = keccak(derived[16:] + stream.to_bytes(32)).hex()
    assert "contains an invalid key" in refusal(keystore).message


def test_wallets_file_may_be_a_keystore(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.touch(0o600)
    path.write_text(json.dumps(KEYSTORE))
    assert is_keystore(path.read_bytes())
    assert open_wallets(WalletsSource(path, ask_password=lambda: PASSWORD), 10) == (WALLET,)


def test_keystore_follows_the_permission_rules_of_the_wallets_file(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text("{}")
    path.chmod(0o644)
    with pytest.raises(WalletsError, match=r"can be read by its group and others \(mode 0644\)"):
        read_keystore(path)


@pytest.mark.parametrize(("name", "value"), [("p", 4096), ("r", 65_536), ("r", 65), ("p", 65)])
def test_absurd_costs_are_refused_before_anything_is_derived(name: str, value: int) -> None:
    cost = replace(ScryptCost(n=2), **{name: value})
    assert "too much memory or time" in str(cost.problem)
