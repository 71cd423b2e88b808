"""A vault: one encrypted file. scrypt makes a key of the password, AES-256-GCM encrypts and authenticates.

    offset  bytes
         0      8  magic
         8      1  version, 1
         9      3  scrypt: log2 of N, r, p
        12     16  salt, random each time
        28     12  nonce, random each time
        40     32  check: what scrypt gives beyond the key; tells a wrong password from a changed file
        72      4  length of what follows up to the checksum
        76      n  the encrypted content and its 16-byte tag; all above is authenticated with it
      76+n     32  SHA-256 of all above; tells a damaged file before a password is asked for

Numbers are big-endian. The checksum is against accidents only: who changes a vault on purpose makes it right,
and then it is the check or the tag that does not fit.
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
"""No text begins so: the first byte is none of UTF-8, and the last tells a copy that was made as text."""
VERSION = 1
SUFFIX = ".vault"
KEY_BYTES = CHECK_BYTES = 32
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
_HEADER = struct.Struct(f">{len(MAGIC)}sBBBB{SALT_BYTES}s{NONCE_BYTES}s{CHECK_BYTES}sI")
_RESTORE = "restore a copy"


@dataclass(frozen=True, slots=True)
class _Vault:
    """A vault whose checksum holds."""

    header: bytes
    cost: ScryptCost
    salt: bytes
    nonce: bytes
    check: bytes
    encrypted: bytes


def is_vault(content: bytes, path: Path) -> bool:
    """Is this a vault, whole or not? By its first bytes, or else by its name: a damaged one is one too."""
    return content.startswith(MAGIC) or path.suffix == SUFFIX


def seal(content: bytes, password: str, cost: ScryptCost | None = None) -> bytes:
    """The bytes of a vault that holds `content`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cost = ScryptCost() if cost is None else cost
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    key, check = _derived(password, salt, cost)
    header = _HEADER.pack(
        MAGIC, VERSION, cost.n.bit_length() - 1, cost.r, cost.p, salt, nonce, check, len(content) + TAG_BYTES
    )
    whole = header + AESGCM(key).encrypt(nonce, content, header)
    return whole + sha256(whole).digest()


def unseal(raw: bytes, password: str, path: Path) -> bytes:
    """What a vault holds; `path` names it in errors.

    Raises PasswordError for a wrong password, and WalletsError for what is no vault, cut off, damaged, changed
    on purpose, of a later version, or asks for too much memory.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    vault = _parsed(raw, path)
    try:
        key, check = _derived(password, vault.salt, vault.cost)
    except MemoryError:
        raise WalletsError(f"{path} cannot be opened: not enough memory for scrypt", "free 200 MB") from None
    if not hmac.compare_digest(check, vault.check):
        raise PasswordError(f"wrong password for {path}", "type the one that it was sealed with")
    try:
        return AESGCM(key).decrypt(vault.nonce, vault.encrypted, vault.header)
    except InvalidTag:
        raise WalletsError(
            f"{path} was changed since it was sealed, and not by accident: the password and the checksum are right",
            f"{_RESTORE}, and find out who can write to it",
        ) from None


def _parsed(raw: bytes, path: Path) -> _Vault:
    if not raw.startswith(MAGIC[: len(raw)]) or not raw:
        raise WalletsError(f"{path} is not a vault", "`ama-tui wallets seal` makes one")
    if len(raw) > len(MAGIC) and raw[len(MAGIC)] > VERSION:
        version = raw[len(MAGIC)]
        raise WalletsError(
            f"{path} is a vault of version {version}, and this program reads version {VERSION}", "update ama-tui"
        )
    if len(raw) < _HEADER.size:
        raise WalletsError(f"{path} is cut off: {len(raw)} bytes of a vault", _RESTORE)
    _, version, log2_n, r, p, salt, nonce, check, length = _HEADER.unpack_from(raw)
    end = _HEADER.size + length
    if len(raw) < end + sha256().digest_size:
        raise WalletsError(f"{path} is cut off: {len(raw)} bytes of {end + sha256().digest_size}", _RESTORE)
    if version != VERSION or length < TAG_BYTES or sha256(raw[:end]).digest() != raw[end:]:
        raise WalletsError(f"{path} is damaged: its checksum does not match", _RESTORE)
    cost = ScryptCost(1 << log2_n, r, p)
    if cost.problem is not None:
        raise WalletsError(f"{path} cannot be opened: {cost.problem}", _RESTORE)
    return _Vault(raw[: _HEADER.size], cost, salt, nonce, check, raw[_HEADER.size : end])


def _derived(password: str, salt: bytes, cost: ScryptCost) -> tuple[bytes, bytes]:
    """The key and the check. One password typed on two systems may differ in how its accents are put together."""
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    derived = cost.derive(typed, salt, KEY_BYTES + CHECK_BYTES)
    return derived[:KEY_BYTES], derived[KEY_BYTES:]
