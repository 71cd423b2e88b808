"""The paths of a market's state directory. Directories have mode 0700, files 0600."""

from __future__ import annotations

import re
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

        Raises StoreError when that fails.
        """
        try:
            for directory in (self.root, self.directory.parent, self.directory, self.wallets):
                directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
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
