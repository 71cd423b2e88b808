"""Writing the fleet's keys: always to a file of its own, mode 0600, and never over another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ama_tui.disk.atomic import write_new_file
from ama_tui.domain.errors import WalletsError
from ama_tui.keys import vault
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.wallets import WalletKey, csv_of, wallets_of


def write_csv(path: Path, wallets: Sequence[WalletKey]) -> None:
    """Write the wallets as they are. Raises WalletsError."""
    write_private(path, _content(path, wallets))


def write_vault(path: Path, wallets: Sequence[WalletKey], password: str, cost: ScryptCost | None = None) -> None:
    """Write the wallets encrypted, and open what was written to be sure of it. Raises WalletsError."""
    content = _content(path, wallets)
    write_private(path, vault.seal(content, password, cost))
    if vault.unseal(path.read_bytes(), password, path) != content:
        raise WalletsError(f"{path} does not hold what was sealed", "keep the original, and check the disk")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read. Raises WalletsError when something stands there, or it cannot be."""
    refuse_existing(path)
    try:
        write_new_file(path, content)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise WalletsError(f"{path} cannot be written ({error.strerror})", "name another place") from None


def refuse_existing(path: Path) -> None:
    """Raises WalletsError when something stands there, be it a link to nowhere."""
    if path.exists() or path.is_symlink():
        raise _exists(path)


def _exists(path: Path) -> WalletsError:
    return WalletsError(f"{path} exists already", "name another file, or move it away: nothing is written over")


def _content(path: Path, wallets: Sequence[WalletKey]) -> bytes:
    """The wallets as rows that are read as the same again."""
    content = csv_of(wallets)
    if wallets_of(content, path) != tuple(wallets):
        raise WalletsError(f"{path} would not hold what was asked for", "nothing was written")
    return content
