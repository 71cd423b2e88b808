"""A file is replaced as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ama_tui.disk import atomic
from ama_tui.disk.atomic import remove_temporaries, set_aside, write_atomic


def test_content_is_replaced_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_disk_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data)[:3]))
    write_atomic(tmp_path / "x", b"0123456789")
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def test_setting_aside_never_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    kept = []
    for content in (b"1", b"2", b"3"):
        path.write_bytes(content)
        kept.append(set_aside(path))
    assert [aside.name for aside in kept] == [
        "checkpoint.json.corrupt",
        "checkpoint.json.corrupt.1",
        "checkpoint.json.corrupt.2",
    ]
    assert [aside.read_bytes() for aside in kept] == [b"1", b"2", b"3"]
    assert not path.exists()


def test_only_our_own_leftovers_are_removed(tmp_path: Path) -> None:
    (tmp_path / f".x.json.0123{atomic.TEMPORARY_SUFFIX}").write_bytes(b"half")
    (tmp_path / ".other.tmp").write_bytes(b"not ours")
    (tmp_path / "x.json").write_bytes(b"{}")
    remove_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.tmp", "x.json"]


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def noted_sync(descriptor: int) -> None:
        steps.append("sync directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def noted_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_rename)
    write_atomic(tmp_path / "x", b"new")
    assert steps == ["sync file", "rename", "sync directory"]
