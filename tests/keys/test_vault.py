"""The vault: the right password returns the content, and anything else is one clear error."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import PasswordError, WalletsError
from ama_tui.keys import vault
from ama_tui.keys.password import StoredPassword
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.vault import seal, unseal
from ama_tui.keys.wallet_csv import csv_of
from ama_tui.keys.wallet_key import new_wallets
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from tests.keys.silence import assert_silent

QUICK = ScryptCost(n=2)
PASSWORD = "correct horse battery"
CONTENT = b"what nobody may read"
PATH = Path("fleet.vault")
SEALED = seal(CONTENT, PASSWORD, QUICK)
HEADER, CHECKSUM = 76, 32
SALT, NONCE, CHECK, LENGTH = range(12, 28), range(28, 40), range(40, 72), range(72, 76)
GOLDEN = (
    "k0FNQVZMVAoBBAgBvsfN1Ejvbj/bv5JjJnDmTDZ74uHFQZw6ddmcIrm76jufCHXpUPfDTM4FYM6c9U6QGLOe+S8VFgBNRHTkAAAA"
    "JBoSaFmHAT/fFk4V/Bd9pKuvKgipnCcm9ms0g4bibyT8+YI3AFDYylH806YGL+po/WT5E0OBbRtej4YcBNu80LXNQiyO"
)
"""A vault from when the format was defined; it must open as long as version 1 is supported."""


def derivations(monkeypatch: pytest.MonkeyPatch) -> list[ScryptCost]:
    """The costs that are paid from now on."""
    paid: list[ScryptCost] = []
    derive = ScryptCost.derive

    def counted(cost: ScryptCost, *arguments: Any) -> bytes:
        paid.append(cost)
        return derive(cost, *arguments)

    monkeypatch.setattr(ScryptCost, "derive", counted)
    return paid


def refusal(raw: bytes, password: str = PASSWORD) -> WalletsError:
    with pytest.raises(WalletsError) as raised:
        unseal(raw, password, PATH)
    text = str(raised.value)
    assert "\n" not in text
    assert_silent(raised.value, password, CONTENT)
    assert text.startswith(("fleet.vault ", "wrong password for fleet.vault"))
    return raised.value


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def checksummed(raw: bytes) -> bytes:
    """The vault with a corrected checksum, as after a deliberate change."""
    return raw[:-CHECKSUM] + sha256(raw[:-CHECKSUM]).digest()


@given(st.binary(max_size=300), st.text(max_size=30))
def test_sealed_content_is_returned(content: bytes, password: str) -> None:
    assert unseal(seal(content, password, QUICK), password, PATH) == content


@given(st.text(max_size=30))
def test_no_other_password_opens_the_vault(password: str) -> None:
    if password != PASSWORD:
        error = refusal(SEALED, password + "!")
        assert isinstance(error, PasswordError)
        assert error.message == "wrong password for fleet.vault"


def test_password_is_the_same_in_every_unicode_normal_form() -> None:
    assert unseal(seal(CONTENT, "caf\u00e9 au lait", QUICK), "cafe\u0301 au lait", PATH) == CONTENT


def test_vault_of_an_earlier_release_still_opens() -> None:
    assert unseal(base64.b64decode(GOLDEN), PASSWORD, PATH) == CONTENT


def test_vault_shows_nothing_of_its_content_and_no_two_are_alike() -> None:
    assert CONTENT[:4] not in SEALED
    again = seal(CONTENT, PASSWORD, QUICK)
    assert all(again[at.start : at.stop] != SEALED[at.start : at.stop] for at in (SALT, NONCE, CHECK))


def test_every_flipped_bit_is_detected_without_the_password() -> None:
    at_length = slice(LENGTH.start, LENGTH.stop)
    for bit in range(len(SEALED) * 8):
        changed = flipped(SEALED, bit)
        error = refusal(changed, "some other password")
        assert not isinstance(error, PasswordError), bit
        words = "is damaged: its checksum does not match"
        if changed[: len(vault.MAGIC)] != vault.MAGIC:
            words = "is not a vault"
        elif changed[len(vault.MAGIC)] > vault.VERSION:
            words = "is a vault of version"
        elif int.from_bytes(changed[at_length]) > int.from_bytes(SEALED[at_length]):
            words = "is truncated"
        assert words in error.message, (bit, error.message)


def test_every_truncation_is_detected_without_the_password() -> None:
    for length in range(1, len(SEALED)):
        assert "is truncated" in refusal(SEALED[:length]).message
    assert "is not a vault" in refusal(b"").message


@given(st.binary(min_size=1, max_size=50))
def test_trailing_bytes_are_damage(more: bytes) -> None:
    assert "is damaged" in refusal(SEALED + more).message


def test_tampering_is_distinguished_from_a_wrong_password() -> None:
    for at in [*NONCE, *range(HEADER, len(SEALED) - CHECKSUM)]:
        error = refusal(checksummed(flipped(SEALED, at * 8)))
        assert not isinstance(error, PasswordError)
        assert "was tampered with" in error.message


@pytest.mark.parametrize("at", [*SALT, *CHECK])
def test_tampering_with_the_password_check_looks_like_a_wrong_password(at: int) -> None:
    assert isinstance(refusal(checksummed(flipped(SEALED, at * 8))), PasswordError)


def test_vault_of_a_later_version_says_to_update() -> None:
    later = checksummed(SEALED[:8] + b"\x02" + SEALED[9:])
    assert str(refusal(later)) == ("fleet.vault is a vault of version 2; this release reads version 1: update ama-tui")


@pytest.mark.parametrize(
    "cost", [(255, 8, 1), (20, 8, 1), (17, 255, 1), (17, 8, 255), (0, 8, 1), (17, 0, 1), (17, 8, 0)]
)
def test_excessive_cost_is_refused_before_it_is_paid(
    cost: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = derivations(monkeypatch)
    assert "its scrypt parameters" in refusal(checksummed(SEALED[:9] + bytes(cost) + SEALED[12:])).message
    assert derived == []


@given(st.binary(max_size=200))
def test_any_bytes_raise_one_of_our_own_errors(raw: bytes) -> None:
    refusal(raw)
    refusal(vault.MAGIC + raw)
    refusal(vault.MAGIC + b"\x01" + raw)


@pytest.mark.parametrize("text", [b"nickname,address,privateKey\n", b'{"version": 3}'])
def test_other_file_named_like_a_vault_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "wallets.vault"
    path.touch(0o600)
    path.write_bytes(text)
    with pytest.raises(WalletsError, match="is not a vault"):
        open_wallets(WalletsSource(path, ask_password=lambda: PASSWORD), 10)


def test_hundred_wallets_open_in_order_at_the_cost_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wallets = new_wallets(100)
    path = tmp_path / "no-matter-what-it-is-called"
    path.touch(0o600)
    path.write_bytes(seal(csv_of(wallets), PASSWORD))
    source = WalletsSource(path, ask_password=lambda: PASSWORD)
    derived = derivations(monkeypatch)
    assert open_wallets(source, 1000) == wallets
    assert len(derived) == 1, "one key for the whole file: nearly all of the time"
    assert open_wallets(source, 7) == wallets[:7]


def test_neither_password_nor_content_shows_in_a_repr() -> None:
    parsed = vault._parsed(SEALED, PATH)
    assert CONTENT.decode() not in repr(parsed)
    assert PASSWORD not in repr(StoredPassword(PASSWORD, "a file"))
