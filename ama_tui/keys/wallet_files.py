"""Write wallets to new files with mode 0600. Existing files are never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ama_tui.disk.atomic import write_new_file
from ama_tui.domain.errors import WalletsError
from ama_tui.keys import vault
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.wallet_csv import csv_of, wallets_of
from ama_tui.keys.wallet_key import WalletKey


def write_csv(path: Path, wallets: Sequence[WalletKey]) -> None:
    """Write wallets unencrypted. Raises WalletsError."""
    write_private(path, _content(path, wallets))


def write_vault(path: Path, wallets: Sequence[WalletKey], password: str, cost: ScryptCost | None = None) -> None:
    """Write wallets encrypted, then reopen the file to verify it. Raises WalletsError."""
    content = _content(path, wallets)
    write_private(path, vault.seal(content, password, cost))
    if vault.unseal(path.read_bytes(), password, path) != content:
        raise WalletsError(f"{path} does not contain what was written", "keep the original and check the disk")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only the user can read. Raises WalletsError if it exists or cannot be written."""
    refuse_existing(path)
    try:
        write_new_file(path, content)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise WalletsError(f"{path} cannot be written ({error.strerror})", "choose another location") from None


def refuse_existing(path: Path) -> None:
    """Raise WalletsError if the path exists, even as a dangling link."""
    if path.exists() or path.is_symlink():
        raise _exists(path)


def _exists(path: Path) -> WalletsError:
    return WalletsError(f"{path} already exists", "choose another file or move it first")


def _content(path: Path, wallets: Sequence[WalletKey]) -> bytes:
    """Format wallets as CSV and check that it parses back to the same wallets."""
    content = csv_of(wallets)
    if wallets_of(content, path) != tuple(wallets):
        raise WalletsError(f"{path} would not contain the same wallets", "nothing was written")
    return content
