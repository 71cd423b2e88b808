"""The files that a client needs: `.env` with where the venue is, `wallets.csv` with the funded wallets.

Both are private (0600) and written atomically. A file that somebody else put there is kept aside under
another name, never overwritten: it may hold keys that exist nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkstemp

from ama_tui.localnet.keys import Wallet

MARK = "# Written by an ama-tui localnet venue; it is written anew at each start."


def write_client_files(directory: Path, settings: Mapping[str, str], wallets: Sequence[Wallet]) -> None:
    """Write both files into `directory`, made if need be; `.env` last, as the sign that all is there.

    Raises OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = ["nickname,address,privateKey"]
    rows += [f"{wallet.nickname},{wallet.address},{wallet.private_key}" for wallet in wallets]
    _put(directory, "wallets.csv", rows)
    _put(directory, ".env", [MARK, *(f"{name}={value}" for name, value in settings.items())])


def _put(directory: Path, name: str, lines: Sequence[str]) -> None:
    path = directory / name
    content = "".join(f"{line}\n" for line in lines).encode()
    _keep_aside(path, content)
    handle, temporary = mkstemp(dir=directory, prefix=f"{name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _keep_aside(path: Path, content: bytes) -> None:
    """Rename what stands at `path` unless it is the same, or a venue's own settings."""
    if not os.path.lexists(path):
        return
    if path.is_file() and path.read_bytes() == content:
        return
    if path.is_file() and path.read_bytes().startswith(MARK.encode()):
        return
    number = 1
    while os.path.lexists(aside := _aside(path, number)):
        number += 1
    path.rename(aside)


def _aside(path: Path, number: int) -> Path:
    """`.env` → `.env.old-1`, `wallets.csv` → `wallets.old-1.csv`."""
    if path.suffix:
        return path.with_name(f"{path.stem}.old-{number}{path.suffix}")
    return path.with_name(f"{path.name}.old-{number}")
