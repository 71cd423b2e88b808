"""Keystore files (Web3 Secret Storage, version 3), as written by geth and most wallets. One encrypted key each."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from pathlib import Path

from ama_tui.domain.errors import PasswordError, WalletsError
from ama_tui.domain.text import shortened
from ama_tui.keys.permissions import read_private
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_key import WalletKey, is_private_key, nickname_problem, wallet_of

VERSION = 3
STANDARD_N = 1 << 18
"""scrypt's N in geth's keystores, with r = 8 and p = 1."""

KEY_LENGTH = 32
IV_LENGTH = 16
MAX_ROUNDS = 20_000_000
"""Most PBKDF2 rounds a file may require: about ten seconds."""

_HEX = re.compile(r"(?:0[xX])?((?:[0-9a-fA-F]{2})+)")
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")


def is_keystore(content: bytes) -> bool:
    """Whether this looks like a keystore, that is a JSON object."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_keystore(path: Path) -> bytes:
    """Read a keystore file. The permission rules of the wallets file apply. Raises WalletsError."""
    file = read_private(path, "keystore", missing="check the path")
    if file.problem is not None:
        raise file.problem
    return file.content


def keystore_of(wallet: WalletKey, password: str, n: int = STANDARD_N) -> bytes:
    """Encrypt a wallet as a keystore file. The nickname is kept in an extra key that other programs ignore."""
    # Imported here: chain libraries load slowly.
    from eth_keyfile.keyfile import create_keyfile_json

    content = create_keyfile_json(wallet.key.raw(), password.encode(), version=VERSION, kdf="scrypt", iterations=n)
    content |= {"address": wallet.address.removeprefix("0x"), "nickname": wallet.nickname}
    return json.dumps(content, indent=2).encode() + b"\n"


def wallet_of_keystore(content: bytes, password: str, path: Path, index: int = 0) -> WalletKey:
    """Decrypt a keystore file. `path` appears in errors.

    Raises PasswordError for a wrong password or changed content (a keystore cannot distinguish them), and
    WalletsError if this is not a keystore or decrypting it would take too much time or memory.
    """
    keystore = _parsed(content, path)
    try:
        key = _decrypted(keystore, password)
    except MemoryError:
        raise WalletsError(f"{path} cannot be opened: not enough memory for scrypt", "free at least 300 MB") from None
    if key is None:
        raise PasswordError(f"wrong password for {path}, or the file was changed", "a keystore does not show which")
    if not is_private_key(key.raw()):
        raise WalletsError(f"{path} contains an invalid key: outside the curve's range", "restore a backup")
    nickname = keystore.get("nickname", "")
    if not isinstance(nickname, str) or nickname_problem(nickname) is not None:
        nickname = ""
    wallet = wallet_of(index, nickname.strip(), key)
    address = keystore.get("address")
    if address is not None and "0x" + _ADDRESS.sub(r"\1", str(address)).lower() != wallet.address:
        raise WalletsError(
            f"{path} names address {shortened(str(address))}, but its key belongs to {wallet.address}",
            "restore a backup",
        )
    return wallet


def _decrypted(keystore: Mapping[str, object], password: str) -> SecretKey | None:
    """Return the key, or None if the password is wrong. The keystore has passed `_problem`. Raises MemoryError."""
    # Imported here: chain libraries load slowly.
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR
    from eth_hash.auto import keccak

    crypto = _table(keystore["crypto"])
    ciphertext, mac = _bytes(crypto["ciphertext"]), _bytes(crypto["mac"])
    derived = _derived(crypto, password.encode("utf-8", "surrogatepass"))
    if not hmac.compare_digest(keccak(derived[16:] + ciphertext), mac):
        return None
    cipher = Cipher(AES(derived[:16]), CTR(_bytes(_table(crypto["cipherparams"])["iv"]))).decryptor()
    return SecretKey(cipher.update(ciphertext) + cipher.finalize())


def _derived(crypto: Mapping[str, object], password: bytes) -> bytes:
    """The key that the file's own key derivation makes of a password, with OpenSSL as for vaults."""
    parameters = _table(crypto["kdfparams"])
    salt = _bytes(parameters["salt"])
    if crypto["kdf"] == "scrypt":
        cost = ScryptCost(*(_whole(parameters[name]) for name in ("n", "r", "p")))
        return cost.derive(password, salt, KEY_LENGTH)
    return hashlib.pbkdf2_hmac("sha256", password, salt, _whole(parameters["c"]), KEY_LENGTH)


def _bytes(value: object) -> bytes:
    return bytes.fromhex(_HEX.sub(r"\1", str(value)))


def _parsed(content: bytes, path: Path) -> dict[str, object]:
    """Parse and validate a keystore, with its names in lower case."""
    try:
        keystore = _lowered(json.loads(content))
        problem = _problem(keystore)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        keystore, problem = {}, "a field is missing or misplaced"
    if problem is not None:
        raise WalletsError(f"{path} is not a valid keystore: {problem}", "use a keystore v3 JSON file")
    return keystore


def _lowered(table: Mapping[str, object]) -> dict[str, object]:
    lowered = {str(name).lower(): value for name, value in table.items()}
    return {name: _lowered(value) if isinstance(value, dict) else value for name, value in lowered.items()}


def _problem(keystore: Mapping[str, object]) -> str | None:
    """Return why a keystore is not supported, or None. Raises KeyError, TypeError, ValueError for misplaced fields."""
    if keystore["version"] != VERSION:
        return f"its version is {shortened(str(keystore['version']))}, not {VERSION}"
    crypto = _table(keystore["crypto"])
    if crypto["cipher"] != "aes-128-ctr":
        return f"its cipher is {shortened(str(crypto['cipher']), 12)}, not aes-128-ctr"
    texts = (crypto["ciphertext"], crypto["mac"], _table(crypto["cipherparams"])["iv"])
    parameters = _table(crypto["kdfparams"])
    if not all(isinstance(text, str) and _HEX.fullmatch(text) for text in (*texts, parameters["salt"])):
        return "a field is not hexadecimal"
    if len(_bytes(texts[2])) != IV_LENGTH:
        return f"its iv is not {IV_LENGTH} bytes long"
    if parameters["dklen"] != KEY_LENGTH:
        return f"its derived key is not {KEY_LENGTH} bytes long"
    if crypto["kdf"] == "scrypt":
        return ScryptCost(*(_whole(parameters[name]) for name in ("n", "r", "p"))).problem
    if crypto["kdf"] == "pbkdf2":
        if parameters["prf"] != "hmac-sha256":
            return "its pseudo-random function is not hmac-sha256"
        rounds = _whole(parameters["c"])
        return None if 0 < rounds <= MAX_ROUNDS else "too many PBKDF2 rounds"
    return f"its kdf is {shortened(str(crypto['kdf']), 12)}, neither scrypt nor pbkdf2"


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value
