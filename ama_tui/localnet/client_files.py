"""The files that a client needs: `.env` with the venue's addresses, `wallets.csv` with the funded wallets.

Both are private (0600) and written atomically. An existing file of other origin is renamed, never overwritten: it may
hold keys that exist nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkstemp

from ama_tui.localnet.keys import Wallet

MARK = "# Written by an ama-tui local test venue. Rewritten at each start."


def write_client_files(directory: Path, settings: Mapping[str, str], wallets: Sequence[Wallet]) -> None:
    """Write both files into `directory`, created if needed. `.env` comes last: once it exists, all is written.

    Raises OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = ["nickname,address,privateKey"]
    rows += [f"{wallet.nickname},{wallet.address},{wallet.private_key}" for wallet in wallets]
    _write(directory, "wallets.csv", rows)
    _write(directory, ".env", [MARK, *(f"{name}={value}" for name, value in settings.items())])


def _write(directory: Path, name: str, lines: Sequence[str]) -> None:
    path = directory / name
    content = "".join(f"{line}\n" for line in lines).encode()
    _move_aside(path, content)
    handle, temporary = mkstemp(dir=directory, prefix=f"{name}.")  # mkstemp creates it with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _move_aside(path: Path, content: bytes) -> None:
    """Rename an existing file, unless it has the same content or is a venue's own `.env`."""
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
