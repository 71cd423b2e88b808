"""Files with keys are written completely or not at all, never over another file, and are read back unchanged."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import WalletsError
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_csv import csv_of, wallets_of
from ama_tui.keys.wallet_files import write_csv, write_private, write_vault
from ama_tui.keys.wallet_key import WalletKey, nickname_problem, wallet_of
from ama_tui.keys.wallet_source import WalletsSource, open_wallets

PASSWORD = "correct horse battery"
FLEET = tuple(wallet_of(index, f"maker {index}", SecretKey(bytes([index + 1]) * 32)) for index in range(3))


def test_written_files_are_private_and_keep_the_fleet_in_order(tmp_path: Path) -> None:
    csv, vault = tmp_path / "fleet.csv", tmp_path / "fleet.vault"
    umask = os.umask(0)
    try:
        write_csv(csv, FLEET)
        write_vault(vault, FLEET, PASSWORD, ScryptCost(n=2))
    finally:
        os.umask(umask)
    for path in (csv, vault):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert open_wallets(WalletsSource(path, ask_password=lambda: PASSWORD), 10) == FLEET
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet.csv", "fleet.vault"]


NICKNAMES = st.text(max_size=12).map(str.strip).filter(lambda text: text and nickname_problem(text) is None)


@given(st.lists(NICKNAMES | st.sampled_from(["#maker", "address", "privateKey", 'a,"b"', "'"]), max_size=3))
def test_any_nickname_is_read_back_as_written(nicknames: list[str]) -> None:
    fleet = tuple(
        WalletKey(index, nickname, FLEET[index].address, FLEET[index].key) for index, nickname in enumerate(nicknames)
    )
    if fleet:
        assert wallets_of(csv_of(fleet), Path("fleet.csv")) == fleet


def test_existing_file_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_text("precious")
    with pytest.raises(WalletsError, match="already exists: choose another file"):
        write_csv(path, FLEET)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("has_links", [True, False])
def test_file_that_appears_while_writing_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    path = tmp_path / "fleet.csv"
    link = os.link

    def appear_first(source: Path, target: Path) -> None:
        path.write_text("precious")
        if not has_links:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        link(source, target)

    monkeypatch.setattr(os, "link", appear_first)
    with pytest.raises(WalletsError, match="already exists"):
        write_private(path, b"ours")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["precious"]


def test_file_system_without_hard_links_is_supported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_private(tmp_path / "fleet.csv", b"ours")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"ours"]


def test_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WalletsError, match="No space left on device"):
        write_private(tmp_path / "fleet.csv", b"ours")
    assert list(tmp_path.iterdir()) == []
