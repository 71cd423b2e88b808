"""Accounts derived from a seed: the same seed gives the same keys, so a venue can be reproduced.

These keys are worthless outside localnet: anyone who knows the seed knows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak


@dataclass(frozen=True, slots=True)
class Wallet:
    """A named account."""

    nickname: str
    address: str
    """Checksummed."""
    private_key: str = field(repr=False)
    """0x hex; not part of the repr."""

    @property
    def account(self) -> str:
        """The address in lower case, as the node expects it."""
        return self.address.lower()


def derive_wallet(seed: int, nickname: str) -> Wallet:
    """The account of `nickname` under `seed`."""
    key = PrivateKey(keccak(f"ama-tui localnet {seed} {nickname}".encode()))
    return Wallet(nickname, key.public_key.to_checksum_address(), key.to_hex())


def fleet(seed: int, count: int) -> tuple[Wallet, ...]:
    """The operator's wallets `User001`, `User002`, …"""
    return tuple(derive_wallet(seed, f"User{number:03}") for number in range(1, count + 1))
