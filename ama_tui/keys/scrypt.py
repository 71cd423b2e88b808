"""scrypt: from a password to a key, slowly on purpose; and how much of it a file may ask of this machine."""

from __future__ import annotations

from dataclasses import dataclass

MOST_MEMORY = 512 << 20
"""Bytes that deriving one key may take: a file that asks for more is refused rather than obeyed."""
MOST_WORK = 2 << 30
"""Bytes that deriving one key may go through: about six seconds."""


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """RFC 7914's N, r and p. The default takes 128 MiB and a third of a second."""

    n: int = 1 << 17
    r: int = 8
    p: int = 1

    @property
    def problem(self) -> str | None:
        """Why no key is derived at this cost, None when it may be."""
        if self.n < 2 or self.n & (self.n - 1) or self.r < 1 or self.p < 1:
            return "its scrypt parameters are none"
        memory = 128 * self.n * self.r
        if memory > MOST_MEMORY or memory * self.p > MOST_WORK:
            return "its scrypt parameters ask for too much memory or time"
        return None

    def derive(self, password: bytes, salt: bytes, length: int) -> bytes:
        """The key of `length` bytes. Raises MemoryError."""
        # Imported here because only a vault needs it, and the first paint must not wait.
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        return Scrypt(salt=salt, length=length, n=self.n, r=self.r, p=self.p).derive(password)
