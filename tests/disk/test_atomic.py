"""A file is written completely or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ama_tui.disk import atomic
from ama_tui.disk.atomic import remove_temporaries, replace_file, set_aside, write_new_file


def test_content_is_replaced_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_failing_disk_leaves_the_old_file_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:3]))
    replace_file(tmp_path / "x", b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def test_moving_aside_never_overwrites_an_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    asides = []
    for content in (b"1", b"2", b"3"):
        path.write_bytes(content)
        asides.append(set_aside(path))
    assert [aside.name for aside in asides] == [
        "checkpoint.json.corrupt",
        "checkpoint.json.corrupt.1",
        "checkpoint.json.corrupt.2",
    ]
    assert [aside.read_bytes() for aside in asides] == [b"1", b"2", b"3"]
    assert not path.exists()


def test_only_leftover_temporary_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / f".x.json.0123{atomic.TEMPORARY_SUFFIX}").write_bytes(b"half")
    (tmp_path / ".other.tmp").write_bytes(b"not ours")
    (tmp_path / "x.json").write_bytes(b"{}")
    remove_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", "x.json"]


def test_content_is_synced_before_the_rename_and_the_rename_before_returning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def recorded_sync(descriptor: int) -> None:
        steps.append("sync directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def recorded_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(Path, "replace", recorded_rename)
    replace_file(tmp_path / "x", b"new")
    assert steps == ["sync file", "rename", "sync directory"]


def test_new_file_is_written_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_new_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_new_file_never_replaces_an_existing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_hard_links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    if not has_hard_links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "x"
    write_new_file(path, b"first")
    with pytest.raises(FileExistsError):
        write_new_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
