"""A market's state directory, private to its owner."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ama_tui.config.paths import StatePaths, chain_name, markets_under, runtime_directory
from ama_tui.domain.errors import StoreError

BOOK = "0x" + "Ab" * 20


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_paths_are_under_the_chain_and_the_lower_case_order_book(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path / "state", 999, BOOK)
    directory = tmp_path / "state" / "999" / BOOK.lower()
    assert paths.directory == directory
    assert paths.checkpoint == directory / "checkpoint.json"
    assert paths.journal == directory / "actions.jsonl"
    assert paths.wallet("0xABCD") == directory / "wallets" / "0xabcd.json"
    assert paths.lock.parent == directory


def test_directories_are_created_private(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path / "state", 999, BOOK)
    paths.create()
    for directory in (paths.root, paths.directory.parent, paths.directory, paths.wallets):
        assert mode_of(directory) == 0o700


def test_market_directory_is_made_private_and_the_given_root_left_alone(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path, 999, BOOK)
    paths.directory.mkdir(parents=True)
    paths.directory.chmod(0o755)
    tmp_path.chmod(0o755)
    paths.create()
    assert mode_of(paths.directory) == 0o700
    assert mode_of(tmp_path) == 0o755


def test_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError, match="cannot be created") as raised:
        StatePaths(tmp_path / "state", 999, BOOK).create()
    assert "--state-dir" in raised.value.hint


def test_markets_of_one_chain_are_found_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "state"
    assert markets_under(root, 999) == []
    books = ["0x" + "ab" * 20, "0x" + "cd" * 20]
    for chain_id, book in [(999, books[1]), (999, books[0]), (1, "0x" + "ef" * 20)]:
        StatePaths(root, chain_id, book).create()
    (root / "999" / "0xnot-a-book").mkdir()
    (root / "999" / ("0x" + "11" * 20)).write_text("a file")
    assert markets_under(root, 999) == [StatePaths(root, 999, book) for book in books]


def test_runs_of_one_user_on_one_chain_share_a_private_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    directory = runtime_directory(chain_name(999, "https://one.example/key"))
    assert directory == runtime_directory(chain_name(999, "https://two.example")) == runtime / "ama-tui" / "999"
    assert mode_of(directory) == mode_of(directory.parent) == 0o700
    directory.chmod(0o770)
    with pytest.raises(StoreError, match="other users can write to the runtime directory"):
        runtime_directory("999")


def test_local_chains_with_the_same_id_are_distinguished_by_their_node() -> None:
    assert chain_name(31337, "http://127.0.0.1:8545") != chain_name(31337, "http://127.0.0.1:9545")
