"""Open the file with the fleet's keys: a CSV, a vault or a keystore, recognised by its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ama_tui.domain.errors import PasswordError, WalletsError
from ama_tui.keys import vault
from ama_tui.keys.keystore import is_keystore, wallet_of_keystore
from ama_tui.keys.password import FILE_VARIABLE, StoredPassword, stored_password
from ama_tui.keys.permissions import PrivateFile, read_private
from ama_tui.keys.wallet_csv import COLUMNS, wallets_of
from ama_tui.keys.wallet_key import WalletKey


class WalletsFileKind(Enum):
    """The formats of a wallets file."""

    CSV = "CSV"
    VAULT = "vault"
    KEYSTORE = "keystore"


@dataclass(frozen=True, slots=True)
class WalletsSource:
    """A wallets file and how to open it.

    The password of a vault or keystore comes from `password_file`, else the OS keyring, else `ask_password`.
    """

    path: Path
    insecure_permissions: bool = False
    """Accept a file that others can read or change."""

    ask_password: Callable[[], str] | None = None
    """Returns the typed password. None without a terminal to ask on."""

    password_file: Path | None = None


def open_wallets(source: WalletsSource, limit: int) -> tuple[WalletKey, ...]:
    """Read at most `limit` wallets from the start of the file. All rows are checked.

    Raises WalletsError if the permissions, the password or the content are wrong.
    """
    if limit < 1:
        raise WalletsError("--wallets must be at least 1", "it is the number of wallets to use")
    content = _permitted(source)
    if _kind(content, source.path) is WalletsFileKind.CSV:
        return wallets_of(content, source.path)[:limit]
    stored = _stored_password(source)
    if stored is None:
        if source.ask_password is None:
            raise PasswordError(
                f"{source.path} needs a password, but there is no terminal to ask on",
                f"save it in a file (chmod 600) and set {FILE_VARIABLE} to its path, or use the OS keyring",
            )
        return _decrypted(content, source.ask_password(), source.path)[:limit]
    try:
        return _decrypted(content, stored.text, source.path)[:limit]
    except PasswordError as error:
        raise PasswordError(error.message, f"the password came from {stored.origin}") from None


def needs_typed_password(source: WalletsSource) -> bool:
    """Whether the operator has to type a password. False for an unreadable file: opening it reports why.

    Raises WalletsError if the password file cannot be used.
    """
    try:
        content = _permitted(source)
    except WalletsError:
        return False
    return _kind(content, source.path) is not WalletsFileKind.CSV and _stored_password(source) is None


def check_password(source: WalletsSource, password: str) -> None:
    """Raise PasswordError if the password is wrong, and WalletsError if the file cannot be used."""
    _decrypted(_permitted(source), password, source.path)


def kind_of(source: WalletsSource) -> WalletsFileKind:
    """Return the file's format. Raises WalletsError if it cannot be read."""
    return _kind(_read(source).content, source.path)


def permissions_problem(source: WalletsSource) -> WalletsError | None:
    """Return why the file's permissions are unsafe, or None. Raises WalletsError if it cannot be read."""
    return _read(source).problem


def permissions_warning(source: WalletsSource) -> str:
    """One line about unsafe permissions that --insecure-permissions accepted. Empty if there are none."""
    if not source.insecure_permissions:
        return ""
    try:
        problem = permissions_problem(source)
    except WalletsError:
        return ""  # opening the file reports it
    return "" if problem is None else f"--insecure-permissions: {problem}"


def _permitted(source: WalletsSource) -> bytes:
    file = _read(source)
    if file.problem is not None and not source.insecure_permissions:
        raise file.problem
    return file.content


def _read(source: WalletsSource) -> PrivateFile:
    columns = ",".join(COLUMNS)
    return read_private(
        source.path,
        "wallets file",
        missing=f"create one with `ama-tui wallets new` or by hand (columns {columns}), or choose another with --csv",
    )


def _kind(content: bytes, path: Path) -> WalletsFileKind:
    if vault.is_vault(content, path):
        return WalletsFileKind.VAULT
    return WalletsFileKind.KEYSTORE if is_keystore(content) else WalletsFileKind.CSV


def _stored_password(source: WalletsSource) -> StoredPassword | None:
    return stored_password(source.path, source.password_file)


def _decrypted(content: bytes, password: str, path: Path) -> tuple[WalletKey, ...]:
    if _kind(content, path) is WalletsFileKind.VAULT:
        return wallets_of(vault.unseal(content, password, path), path)
    return (wallet_of_keystore(content, password, path),)
