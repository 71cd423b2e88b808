"""A private key that is masked in text and cannot be pickled or copied."""

from __future__ import annotations

import hmac
from typing import NoReturn, SupportsIndex

from ama_tui.keys.redaction import note_key

KEY_BYTES = 32
MASK = "SecretKey(…)"


class SecretKey:
    """The 32 bytes of a wallet's private key. Only this package calls `raw()` and `hex()`."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a private key has {KEY_BYTES} bytes")
        self._raw = bytes(raw)
        note_key(self._raw)

    def raw(self) -> bytes:
        """The key's 32 bytes."""
        return self._raw

    def hex(self) -> str:
        """The key as 0x plus 64 hexadecimal digits."""
        return "0x" + self._raw.hex()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretKey):
            return NotImplemented
        return hmac.compare_digest(self._raw, other._raw)

    def __hash__(self) -> int:
        return hash(self._raw)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a SecretKey cannot be pickled or copied")
