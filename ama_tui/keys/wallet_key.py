"""A wallet with its private key, and which keys and nicknames are valid."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from ama_tui.domain.wallet import FleetWallet, Role
from ama_tui.keys.secret_key import KEY_BYTES, SecretKey

EVERY_WALLET = 1_000_000
"""A limit that no wallets file reaches."""

PRIVATE_KEY = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
"""A private key as text, in hexadecimal digits."""

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of secp256k1. A private key is between 1 and one less."""


@dataclass(frozen=True, slots=True)
class WalletKey:
    """A wallet of the fleet and its private key."""

    index: int
    """Position in the wallets file, from 0."""

    nickname: str
    address: str
    """In lower case."""

    key: SecretKey

    def public(self, role: Role = Role.MAKER) -> FleetWallet:
        """The wallet without its key."""
        return FleetWallet(self.index, self.nickname, self.address, role)


def new_wallets(count: int) -> tuple[WalletKey, ...]:
    """Create wallets with random keys, named Wallet001, Wallet002 and so on."""
    wallets: list[WalletKey] = []
    while len(wallets) < count:
        raw = secrets.token_bytes(KEY_BYTES)
        if is_private_key(raw):
            wallets.append(wallet_of(len(wallets), "", SecretKey(raw)))
    return tuple(wallets)


def wallet_of(index: int, nickname: str, key: SecretKey) -> WalletKey:
    """Build a wallet from a valid key. Without a nickname it is named after its index."""
    return WalletKey(index, nickname or f"Wallet{index + 1:03d}", address_of(key), key)


def nickname_problem(nickname: str) -> str | None:
    """Return why this nickname is not allowed, or None if it is."""
    if PRIVATE_KEY.fullmatch(nickname) is not None:
        return "the nickname looks like a private key"
    return None if nickname.isprintable() else "the nickname contains control characters"


def is_private_key(raw: bytes) -> bool:
    """Whether these 32 bytes are a valid secp256k1 private key."""
    return 0 < int.from_bytes(raw, "big") < _CURVE_ORDER


def address_of(key: SecretKey) -> str:
    """Derive the address of a private key, in lower case."""
    # Imported here: chain libraries load slowly and would delay the first frame.
    from eth_keys.datatypes import PrivateKey

    return PrivateKey(key.raw()).public_key.to_address()
