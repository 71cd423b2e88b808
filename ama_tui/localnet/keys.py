"""Accounts that follow from a seed: the same seed gives the same keys, so a venue can be had again.

These keys are worth nothing outside localnet: whoever knows the seed knows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak


@dataclass(frozen=True, slots=True)
class Wallet:
    """A named account. `address` is checksummed; `private_key` is 0x hex and never shows in a repr."""

    nickname: str
    address: str
    private_key: str = field(repr=False)

    @property
    def account(self) -> str:
        """The address in lower case, as the node takes it."""
        return self.address.lower()


def derive_wallet(seed: int, nickname: str) -> Wallet:
    """The account that `seed` gives to `nickname`."""
    key = PrivateKey(keccak(f"ama-tui localnet {seed} {nickname}".encode()))
    return Wallet(nickname, key.public_key.to_checksum_address(), key.to_hex())


def fleet(seed: int, count: int) -> tuple[Wallet, ...]:
    """The operator's wallets `User001`, `User002`, …"""
    return tuple(derive_wallet(seed, f"User{number:03}") for number in range(1, count + 1))
