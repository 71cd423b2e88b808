"""The paths of a market's state directory. Directories have mode 0700, files 0600."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from ama_tui.domain.errors import StoreError

DIRECTORY_MODE = 0o700
DEFAULT_ROOT = Path("state")
_ORDER_BOOK = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class StatePaths:
    """`<root>/<chain id>/<order book in lower case>/` and its files."""

    root: Path
    chain_id: int
    order_book: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "order_book", self.order_book.lower())

    @property
    def directory(self) -> Path:
        return self.root / str(self.chain_id) / self.order_book

    @property
    def checkpoint(self) -> Path:
        return self.directory / "checkpoint.json"

    @property
    def journal(self) -> Path:
        return self.directory / "actions.jsonl"

    @property
    def wallets(self) -> Path:
        """The directory of the per-wallet files."""
        return self.directory / "wallets"

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    def wallet(self, address: str) -> Path:
        """The file of one wallet."""
        return self.wallets / f"{address.lower()}.json"

    def create(self) -> None:
        """Create the directories. Sets the mode of the market's directories even if they exist.

        Raises StoreError when that fails, or when another user could put files into one of them.
        """
        try:
            for directory in (self.root, self.directory.parent, self.directory, self.wallets):
                directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
                _refuse_others(directory)
            for directory in (self.directory, self.wallets):
                directory.chmod(DIRECTORY_MODE)
        except OSError as error:
            raise StoreError(
                f"state directory {self.directory} cannot be created ({error.strerror})",
                "choose a writable directory with --state-dir",
            ) from error


def markets_under(root: Path, chain_id: int) -> list[StatePaths]:
    """The markets of a chain with a state directory. Raises StoreError when the directory cannot be read."""
    directory = root / str(chain_id)
    try:
        names = sorted(path.name for path in directory.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"{directory} cannot be read ({error.strerror})", "check its owner and permissions") from error
    return [StatePaths(root, chain_id, name) for name in names if _ORDER_BOOK.fullmatch(name)]


def _refuse_others(directory: Path) -> None:
    """Raise StoreError for a directory that another user owns or may write to."""
    status = directory.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise StoreError(f"state directory {directory} belongs to another user", "use your own with --state-dir")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(f"other users can write to the state directory {directory}", f"chmod go-w {directory}")
