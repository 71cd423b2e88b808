"""A vault's password: from a file, from the OS keyring, or as it was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ama_tui.domain.errors import PasswordError
from ama_tui.keys.permissions import read_private

FILE_VARIABLE = "AMA_VAULT_PASSWORD_FILE"
KEYRING_SERVICE = "ama-tui"
SHORTEST_NEW = 12


@dataclass(frozen=True, slots=True)
class KnownPassword:
    """A password that nobody needs to be asked for, and where it was found."""

    text: str = field(repr=False)
    origin: str


def known_password(vault: Path, file: Path | None) -> KnownPassword | None:
    """The password of a vault from the file that is named, else from the OS keyring; None when neither has one.

    Raises WalletsError when the file cannot be used.
    """
    if file is not None:
        return KnownPassword(password_of_file(file), f"the file {file}")
    text = _of_keyring(vault)
    return None if text is None else KnownPassword(text, "the OS keyring")


def password_of_file(path: Path) -> str:
    """A file's text without the line's end. It is under the rules of the wallets file, and nothing overrides them.

    Raises WalletsError, PasswordError.
    """
    found = read_private(path, "password file", missing="name another, or leave it out to be asked")
    if found.problem is not None:
        raise found.problem
    text = _decoded(found.content)
    if text is None:
        raise PasswordError(f"password file {path} is not UTF-8 text", "save it as UTF-8")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise PasswordError(f"password file {path} is empty", "write the password into it")
    return text


def new_password_problem(text: str) -> str | None:
    """Why this cannot be the password of something new, None when it can."""
    if len(text) < SHORTEST_NEW:
        return f"a new password has at least {SHORTEST_NEW} characters: several words will do"
    return None


def _decoded(content: bytes) -> str | None:
    """The text, None where it is not UTF-8; the library's error would hold it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _of_keyring(vault: Path) -> str | None:
    """What the keyring holds for the vault's full path. A keyring that is missing or does not answer holds nothing."""
    try:
        import keyring

        return keyring.get_password(KEYRING_SERVICE, str(vault.resolve())) or None
    except Exception:  # its back ends raise what they like
        return None
