"""The fleet of these tests, and helpers to inspect its files."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.wallet_key import WalletKey, new_wallets
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from tests.e2e.operator import Finished

PASSWORD = "correct horse battery"
QUICK = ScryptCost(n=2)
FLEET = new_wallets(3)


class MemoryKeyring(KeyringBackend):
    """A keyring for one test. While `is_locked` it refuses every request."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.passwords: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked("locked")
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.passwords[service, username]


Ama = Callable[..., Finished]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def opened(path: Path) -> tuple[WalletKey, ...]:
    return open_wallets(WalletsSource(path, ask_password=lambda: PASSWORD), 100)


def listed(wallets: tuple[WalletKey, ...]) -> str:
    return "".join(f"{wallet.nickname}  {wallet.address}\n" for wallet in wallets)
