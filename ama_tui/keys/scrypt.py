"""scrypt key derivation, with limits on the memory and time a file may require."""

from __future__ import annotations

from dataclasses import dataclass

MAX_MEMORY = 512 << 20
"""Most bytes of memory for deriving one key. A file that requires more is refused."""

MAX_WORK = 2 << 30
"""Most bytes processed for deriving one key: about six seconds."""

MAX_R, MAX_P = 64, 64
"""No wallet writes larger ones; the usual are 8 and 1."""
SLOWER = 8
"""How much longer the implementation takes that also accepts what OpenSSL refuses."""


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
        if self.r > MAX_R or self.p > MAX_P:
            return f"its scrypt parameters require too much memory or time (r and p may be {MAX_R} at most)"
        memory = 128 * self.n * self.r
        work = memory * self.p * (1 if self._fits_openssl else SLOWER)
        if memory > MAX_MEMORY or work > MAX_WORK:
            return "its scrypt parameters require too much memory or time"
        return None

    @property
    def _fits_openssl(self) -> bool:
        """Whether N is below 2^(16 r), as RFC 7914 demands. The keystore definition's own example is not."""
        return self.n < 1 << (16 * self.r)

    def derive(self, password: bytes, salt: bytes, length: int) -> bytes:
        """Derive a key of `length` bytes. Raises MemoryError."""
        # Imported here: only vaults need it, and it would delay the first frame.
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        if not self._fits_openssl:
            from Crypto.Protocol.KDF import scrypt

            return bytes(scrypt(password, salt, length, N=self.n, r=self.r, p=self.p))  # type: ignore[arg-type]
        return Scrypt(salt=salt, length=length, n=self.n, r=self.r, p=self.p).derive(password)
