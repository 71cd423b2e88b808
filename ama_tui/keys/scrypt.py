"""scrypt key derivation, with limits on the memory and time a file may require."""

from __future__ import annotations

from dataclasses import dataclass

MAX_MEMORY = 512 << 20
"""Most bytes of memory for deriving one key. A file that requires more is refused."""

MAX_WORK = 2 << 30
"""Most bytes processed for deriving one key: about six seconds."""


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """The parameters N, r and p of RFC 7914. The defaults take 128 MiB and a third of a second."""

    n: int = 1 << 17
    r: int = 8
    p: int = 1

    @property
    def problem(self) -> str | None:
        """Why this cost is refused, or None."""
        if self.n < 2 or self.n & (self.n - 1) or self.r < 1 or self.p < 1:
            return "its scrypt parameters are invalid"
        memory = 128 * self.n * self.r
        if memory > MAX_MEMORY or memory * self.p > MAX_WORK:
            return "its scrypt parameters require too much memory or time"
        return None

    def derive(self, password: bytes, salt: bytes, length: int) -> bytes:
        """Derive a key of `length` bytes. Raises MemoryError."""
        # Imported here: only vaults need it, and it would delay the first frame.
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        return Scrypt(salt=salt, length=length, n=self.n, r=self.r, p=self.p).derive(password)
