"""The paths of a market's state directory. Directories have mode 0700, files 0600."""

from __future__ import annotations

import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_runtime_path

from ama_tui.domain.errors import StoreError

DIRECTORY_MODE = 0o700
DEFAULT_ROOT = Path("state")
LOCAL_CHAINS = frozenset({1337, 31337})
"""Chain ids that development nodes use by default."""
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


def chain_name(chain_id: int, rpc_url: str) -> str:
    """Names a chain among those that this machine can reach: its id, for local chains also the node's address.

    Several local chains with the same id may run side by side.
    """
    if chain_id not in LOCAL_CHAINS:
        return str(chain_id)
    node = urlsplit(rpc_url)
    return f"{chain_id}-{node.hostname}-{node.port}"


def runtime_directory(chain: str) -> Path:
    """The directory that all runs of this user on a chain share (see `chain_name`), created with mode 0700.

    Raises StoreError when it cannot be created or when another user could put files into it.
    """
    try:
        with warnings.catch_warnings():  # the fallback without XDG_RUNTIME_DIR is as private
            warnings.simplefilter("ignore")
            root = user_runtime_path("ama-tui", ensure_exists=True)
        directory = root / chain
        directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        for one in (root, directory):
            _refuse_others(one, "runtime directory", "set XDG_RUNTIME_DIR to a directory of your own")
    except OSError as error:
        raise StoreError(
            f"the runtime directory cannot be created ({error})", "set XDG_RUNTIME_DIR to a directory of your own"
        ) from error
    return directory


def _refuse_others(
    directory: Path, what: str = "state directory", instead: str = "use your own with --state-dir"
) -> None:
    """Raise StoreError for a directory that another user owns or may write to."""
    status = directory.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise StoreError(f"{what} {directory} belongs to another user", instead)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(f"other users can write to the {what} {directory}", f"chmod go-w {directory}")
