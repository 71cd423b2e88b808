"""One run at a time on a state directory."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tui.domain.errors import LockHeldError, StoreError
from ama_tui.store.lock import StateLock, holder_of

HOLDER = """
import sys, time
from pathlib import Path
from ama_tui.store.lock import StateLock
lock = StateLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_second_run_is_told_the_pid_of_the_first_and_a_dead_one_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockHeldError, match=f"pid {holder.pid}") as raised:
            StateLock(path).acquire()
        assert raised.value.pid == holder.pid
        assert raised.value.exit_code == 2
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert holder_of(tmp_path / "lock.pid") == holder.pid
    with StateLock(path):
        assert holder_of(tmp_path / "lock.pid") == os.getpid()


def test_two_runs_in_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with StateLock(tmp_path / "lock") as first:
        assert first.is_held
        with pytest.raises(LockHeldError, match=f"pid {os.getpid()}"):
            StateLock(tmp_path / "lock").acquire()
    assert not first.is_held
    StateLock(tmp_path / "lock").acquire()


def test_released_lock_leaves_no_pid_and_releasing_twice_is_fine(tmp_path: Path) -> None:
    lock = StateLock(tmp_path / "lock")
    lock.acquire()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "lock.pid").stat().st_mode) == 0o600
    lock.release()
    lock.release()
    assert not (tmp_path / "lock.pid").exists()


def test_holder_without_a_readable_pid_is_another_process(tmp_path: Path) -> None:
    with StateLock(tmp_path / "lock"):
        (tmp_path / "lock.pid").write_text("not a number")
        with pytest.raises(LockHeldError, match="another process") as raised:
            StateLock(tmp_path / "lock").acquire()
    assert raised.value.pid is None


def test_lock_that_cannot_be_made_is_our_own_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match="cannot be locked"):
        StateLock(tmp_path / "lock").acquire()
