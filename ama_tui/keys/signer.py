"""The only holder of private keys: it signs permits by address and gives nothing else away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from eth_hash.auto import keccak

from ama_tui.domain.errors import WalletsError
from ama_tui.domain.session import SessionPermit
from ama_tui.venue.permits import permit_digest

SignDigest = Callable[[bytes], bytes]
"""From a 32-byte digest to 65 bytes: r, s and a recovery id of 0 or 1."""


class Secret(Protocol):
    """A private key that shows itself only when it is asked for its bytes."""

    def raw(self) -> bytes:
        """The key's 32 bytes."""
        ...


class Signer:
    """Signs for a fleet. Built once from address → private key, which nobody else has to keep after that.

    Raises WalletsError, which never holds a key, when a key is no key or is not that of its address.
    Neither its repr nor a copy or a pickle gives a key away.
    """

    __slots__ = ("_signers",)

    def __init__(self, keys: Mapping[str, Secret]) -> None:
        self._signers: dict[str, SignDigest] = {}
        for address, key in keys.items():
            self._signers[address.lower()] = _checked(address, key)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses it can sign for, in lower case."""
        return tuple(self._signers)

    def __contains__(self, address: object) -> bool:
        return isinstance(address, str) and address.lower() in self._signers

    def sign_permit(self, permit: SessionPermit, chain_id: int, registry: str) -> str:
        """The trader's signature of a permit: r, s, v (27 or 28) as 0x and 130 hexadecimal digits.

        Raises WalletsError when the trader is not of this fleet.
        """
        sign = self._signers.get(permit.trader.lower())
        if sign is None:
            raise WalletsError(f"no key for {permit.trader}", "is it in the wallets file?")
        signature = sign(permit_digest(permit, chain_id, registry))
        return "0x" + signature[:64].hex() + f"{signature[64] + 27:02x}"

    def __repr__(self) -> str:
        return f"Signer({len(self._signers)} keys, masked)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer cannot be copied or pickled: it holds keys")


def _checked(address: str, key: Secret) -> SignDigest:
    try:
        sign, public_key = _load(key.raw())
    except Exception:
        # Whatever a library says of a bad key may hold the key: only the address goes on.
        raise WalletsError(f"the private key of {address} is not a key", "correct the wallets file") from None
    if keccak(public_key)[12:].hex() != address.lower().removeprefix("0x"):
        raise WalletsError(f"the private key of {address} is another address's", "correct the wallets file")
    return sign


def _load(secret: bytes) -> tuple[SignDigest, bytes]:
    """How to sign with a key, and its 64-byte public key. coincurve where it has a wheel, else eth_keys."""
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
