"""The vault format: one encrypted file. scrypt derives the key, AES-256-GCM encrypts and authenticates.

    offset  bytes
         0      8  magic
         8      1  version, 1
         9      3  scrypt: log2 of N, r, p
        12     16  salt, random each time
        28     12  nonce, random each time
        40     32  check: extra scrypt output, distinguishes a wrong password from a changed file
        72      4  length of the encrypted content with its tag
        76      n  encrypted content and its 16-byte tag, which also authenticates everything above
      76+n     32  SHA-256 of everything above, detects damage before asking for a password

Numbers are big-endian. The checksum detects accidental damage only. Deliberate changes are detected by the check or
the tag.
"""

from __future__ import annotations

import hmac
import secrets
import struct
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ama_tui.domain.errors import PasswordError, WalletsError
from ama_tui.keys.scrypt import ScryptCost

MAGIC = b"\x93AMAVLT\n"
"""The first byte is invalid UTF-8, so no text starts like this. The newline detects copies in text mode."""

VERSION = 1
SUFFIX = ".vault"
KEY_BYTES = CHECK_BYTES = 32
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
_HEADER = struct.Struct(f">{len(MAGIC)}sBBBB{SALT_BYTES}s{NONCE_BYTES}s{CHECK_BYTES}sI")
_RESTORE = "restore a backup"


@dataclass(frozen=True, slots=True)
class _Vault:
    """A parsed vault with a valid checksum."""

    header: bytes
    cost: ScryptCost
    salt: bytes
    nonce: bytes
    check: bytes
    encrypted: bytes


def is_vault(content: bytes, path: Path) -> bool:
    """Whether this is a vault, possibly damaged: judged by its first bytes or its file name."""
    return content.startswith(MAGIC) or path.suffix == SUFFIX


def seal(content: bytes, password: str, cost: ScryptCost | None = None) -> bytes:
    """Encrypt content as a vault."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cost = ScryptCost() if cost is None else cost
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    key, check = _derived(password, salt, cost)
    header = _HEADER.pack(
        MAGIC, VERSION, cost.n.bit_length() - 1, cost.r, cost.p, salt, nonce, check, len(content) + TAG_BYTES
    )
    body = header + AESGCM(key).encrypt(nonce, content, header)
    return body + sha256(body).digest()


def unseal(raw: bytes, password: str, path: Path) -> bytes:
    """Decrypt a vault. `path` appears in errors.

    Raises PasswordError for a wrong password, and WalletsError if this is not a vault, or it is truncated, damaged,
    tampered with, from a later version, or requires too much memory.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    vault = _parsed(raw, path)
    try:
        key, check = _derived(password, vault.salt, vault.cost)
    except MemoryError:
        raise WalletsError(f"{path} cannot be opened: not enough memory for scrypt", "free at least 200 MB") from None
    if not hmac.compare_digest(check, vault.check):
        raise PasswordError(f"wrong password for {path}", "enter the password used to seal it")
    try:
        return AESGCM(key).decrypt(vault.nonce, vault.encrypted, vault.header)
    except InvalidTag:
        raise WalletsError(
            f"{path} was tampered with: the password and the checksum are correct, but the content was changed",
            f"{_RESTORE}, and find out who can write to it",
        ) from None


def _parsed(raw: bytes, path: Path) -> _Vault:
    if not raw.startswith(MAGIC[: len(raw)]) or not raw:
        raise WalletsError(f"{path} is not a vault", "create one with `ama-tui wallets seal`")
    if len(raw) > len(MAGIC) and raw[len(MAGIC)] > VERSION:
        version = raw[len(MAGIC)]
        raise WalletsError(
            f"{path} is a vault of version {version}; this release reads version {VERSION}", "update ama-tui"
        )
    if len(raw) < _HEADER.size:
        raise WalletsError(f"{path} is truncated: only {len(raw)} bytes", _RESTORE)
    _, version, log2_n, r, p, salt, nonce, check, length = _HEADER.unpack_from(raw)
    end = _HEADER.size + length
    if len(raw) < end + sha256().digest_size:
        raise WalletsError(f"{path} is truncated: {len(raw)} bytes of {end + sha256().digest_size}", _RESTORE)
    if version != VERSION or length < TAG_BYTES or sha256(raw[:end]).digest() != raw[end:]:
        raise WalletsError(f"{path} is damaged: its checksum does not match", _RESTORE)
    cost = ScryptCost(1 << log2_n, r, p)
    if cost.problem is not None:
        raise WalletsError(f"{path} cannot be opened: {cost.problem}", _RESTORE)
    return _Vault(raw[: _HEADER.size], cost, salt, nonce, check, raw[_HEADER.size : end])


def _derived(password: str, salt: bytes, cost: ScryptCost) -> tuple[bytes, bytes]:
    """Derive the key and the check from a password."""
    # Systems encode accented characters differently; NFC makes the same password match everywhere.
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    derived = cost.derive(typed, salt, KEY_BYTES + CHECK_BYTES)
    return derived[:KEY_BYTES], derived[KEY_BYTES:]
