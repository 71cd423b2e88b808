"""A vault's password: from a file or the OS keyring, else typed by the operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ama_tui.domain.errors import PasswordError
from ama_tui.keys.permissions import read_private

FILE_VARIABLE = "AMA_VAULT_PASSWORD_FILE"
KEYRING_SERVICE = "ama-tui"
MIN_NEW_LENGTH = 12
"""Characters that a new password needs at least."""


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A password that does not have to be typed."""

    text: str = field(repr=False)
    origin: str
    """Where it comes from, for error messages."""


def stored_password(vault: Path, file: Path | None) -> StoredPassword | None:
    """Look up a vault's password in the given file, else in the OS keyring. None if there is none.

    Raises WalletsError if the file cannot be used.
    """
    if file is not None:
        return StoredPassword(read_password_file(file), f"the file {file}")
    text = _from_keyring(vault)
    return None if text is None else StoredPassword(text, "the OS keyring")


def read_password_file(path: Path) -> str:
    """Read a password file, without the final newline. The permission rules of the wallets file apply, always.

    Raises WalletsError, PasswordError.
    """
    file = read_private(path, "password file", missing="check the path, or omit it to be prompted")
    if file.problem is not None:
        raise file.problem
    text = _decoded(file.content)
    if text is None:
        raise PasswordError(f"password file {path} is not UTF-8 text", "save it as UTF-8")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise PasswordError(f"password file {path} is empty", "write the password to it")
    return text


def new_password_problem(text: str) -> str | None:
    """Return why this is not allowed as a new password, or None if it is."""
    if len(text) < MIN_NEW_LENGTH:
        return f"a new password needs at least {MIN_NEW_LENGTH} characters; use several words"
    return None


def _decoded(content: bytes) -> str | None:
    """Decode UTF-8, else return None: the decoder's error would contain the password."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _from_keyring(vault: Path) -> str | None:
    """The password stored for the vault's full path. None if there is none or no usable keyring."""
    try:
        import keyring

        return keyring.get_password(KEYRING_SERVICE, str(vault.resolve())) or None
    except Exception:  # keyring back ends raise arbitrary exceptions
        return None
