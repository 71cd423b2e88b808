"""Holds the private keys of a run and signs with them. Keys never leave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from eth_hash.auto import keccak

from ama_tui.domain.errors import WalletsError

SignDigest = Callable[[bytes], bytes]
"""Signs a 32-byte digest. Returns 65 bytes: r, s and a recovery id of 0 or 1."""


class RawKey(Protocol):
    """A private key that reveals its bytes only on request."""

    def raw(self) -> bytes:
        """The key's 32 bytes."""
        ...


class Signer:
    """Signs for the wallets of a fleet. Built once from address → private key.

    Raises WalletsError (which never contains a key) if a key is invalid or does not belong to its address.
    Its repr shows no key, and it cannot be copied or pickled.
    """

    __slots__ = ("_signers",)

    def __init__(self, keys: Mapping[str, RawKey]) -> None:
        self._signers: dict[str, SignDigest] = {}
        for address, key in keys.items():
            self._signers[address.lower()] = _checked(address, key)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Addresses it can sign for, in lower case."""
        return tuple(self._signers)

    def __contains__(self, address: object) -> bool:
        return isinstance(address, str) and address.lower() in self._signers

    def sign(self, address: str, digest: bytes) -> str:
        """Sign a 32-byte digest for a wallet: r, s, v (27 or 28) as 0x plus 130 hexadecimal digits.

        Raises WalletsError if the wallet is not in this fleet.
        """
        sign = self._signers.get(address.lower())
        if sign is None:
            raise WalletsError(f"no key for {address}", "check that it is in the wallets file")
        signature = sign(digest)
        return "0x" + signature[:64].hex() + f"{signature[64] + 27:02x}"

    def __repr__(self) -> str:
        return f"Signer({len(self._signers)} keys, masked)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer cannot be copied or pickled: it holds keys")


def _checked(address: str, key: RawKey) -> SignDigest:
    try:
        sign, public_key = _load(key.raw())
    except Exception:
        # The library's error may contain the key, so report only the address.
        raise WalletsError(f"the private key of {address} is invalid", "fix the wallets file") from None
    if keccak(public_key)[12:].hex() != address.lower().removeprefix("0x"):
        raise WalletsError(f"the private key of {address} belongs to another address", "fix the wallets file")
    return sign


def _load(secret: bytes) -> tuple[SignDigest, bytes]:
    """Return a sign function for a key, and its 64-byte public key. Uses coincurve if installed, else eth_keys."""
    try:
        from coincurve import PrivateKey
    except ImportError:
        return _load_slow(secret)
    key = PrivateKey(secret)

    def sign(digest: bytes) -> bytes:
        return key.sign_recoverable(digest, hasher=None)

    return sign, key.public_key.format(compressed=False)[1:]


def _load_slow(secret: bytes) -> tuple[SignDigest, bytes]:
    from eth_keys.datatypes import PrivateKey

    key = PrivateKey(secret)

    def sign(digest: bytes) -> bytes:
        return key.sign_msg_hash(digest).to_bytes()

    return sign, key.public_key.to_bytes()
