"""Where the fleet's keys are read from, and opening it: a CSV, a vault or a keystore, told by what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ama_tui.domain.errors import PasswordError, WalletsError
from ama_tui.keys import vault
from ama_tui.keys.keystore import is_keystore, wallet_of_keystore
from ama_tui.keys.password import FILE_VARIABLE, KnownPassword, known_password
from ama_tui.keys.permissions import PrivateFile, read_private
from ama_tui.keys.wallets import COLUMNS, WalletKey, wallets_of


class WalletsFileKind(Enum):
    """What a wallets file may be."""

    CSV = "CSV"
    VAULT = "vault"
    KEYSTORE = "keystore"


@dataclass(frozen=True, slots=True)
class WalletsSource:
    """Where the wallets are. `insecure_permissions` reads the file although others can read or change it.

    The password of a vault or keystore comes from `password_file`, else from the OS keyring, else from `ask_password`
    (None: nobody can be asked).
    """

    path: Path
    insecure_permissions: bool = False
    ask_password: Callable[[], str] | None = None
    password_file: Path | None = None


def open_wallets(source: WalletsSource, limit: int) -> tuple[WalletKey, ...]:
    """The first `limit` wallets (all of them when there are fewer); every wallet of the file is checked.

    Raises WalletsError when the permissions, the password or the content are not as they must be.
    """
    if limit < 1:
        raise WalletsError("--wallets must be at least 1", "it is the number of wallets to take from the wallets file")
    content = _permitted(source)
    if _kind(content, source.path) is WalletsFileKind.CSV:
        return wallets_of(content, source.path)[:limit]
    known = _known(source)
    if known is None:
        if source.ask_password is None:
            raise PasswordError(
                f"{source.path} needs its password, and there is no terminal to ask on",
                f"put it into a file (chmod 600) and name that in {FILE_VARIABLE}, or into the OS keyring",
            )
        return _decrypted(content, source.ask_password(), source.path)[:limit]
    try:
        return _decrypted(content, known.text, source.path)[:limit]
    except PasswordError as error:
        raise PasswordError(error.message, f"it was that of {known.origin}") from None


def needs_typed_password(source: WalletsSource) -> bool:
    """Must somebody be asked for a password? False also for a file that cannot be read: opening it says why.

    Raises WalletsError when the password file cannot be used.
    """
    try:
        content = _permitted(source)
    except WalletsError:
        return False
    return _kind(content, source.path) is not WalletsFileKind.CSV and _known(source) is None


def check_password(source: WalletsSource, password: str) -> None:
    """Raises PasswordError when it does not open the file, and WalletsError when the file cannot be used."""
    _decrypted(_permitted(source), password, source.path)


def kind_of(source: WalletsSource) -> WalletsFileKind:
    """What the file is. Raises WalletsError when it cannot be read."""
    return _kind(_read(source).content, source.path)


def permissions_problem(source: WalletsSource) -> WalletsError | None:
    """Why the file's permissions are wrong, None when they are right. Raises WalletsError when it cannot be read."""
    return _read(source).problem


def permissions_warning(source: WalletsSource) -> str:
    """What --insecure-permissions lets pass, in one line for stderr and the log; '' when there is nothing."""
    if not source.insecure_permissions:
        return ""
    try:
        problem = permissions_problem(source)
    except WalletsError:
        return ""  # opening it will say so
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
        missing=f"make one with `ama-tui wallets new`, or with the columns {columns}, or name another with --csv",
    )


def _kind(content: bytes, path: Path) -> WalletsFileKind:
    if vault.is_vault(content, path):
        return WalletsFileKind.VAULT
    return WalletsFileKind.KEYSTORE if is_keystore(content) else WalletsFileKind.CSV


def _known(source: WalletsSource) -> KnownPassword | None:
    return known_password(source.path, source.password_file)


def _decrypted(content: bytes, password: str, path: Path) -> tuple[WalletKey, ...]:
    if _kind(content, path) is WalletsFileKind.VAULT:
        return wallets_of(vault.unseal(content, password, path), path)
    return (wallet_of_keystore(content, password, path),)
