"""One run at a time per state directory and wallet."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ama_tui.domain.errors import LockHeldError, StoreError
from ama_tui.store.lock import StateLock, is_held, lock_holder

HOLDER = """
import sys, time
from pathlib import Path
from ama_tui.store.lock import StateLock
lock = StateLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_second_run_gets_the_pid_of_the_first_and_a_dead_one_does_not_block(tmp_path: Path) -> None:
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
    assert lock_holder(tmp_path / "lock.pid") == holder.pid
    with StateLock(path):
        assert lock_holder(tmp_path / "lock.pid") == os.getpid()


def test_two_runs_in_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with StateLock(tmp_path / "lock") as first:
        assert first.is_held
        with pytest.raises(LockHeldError, match=f"pid {os.getpid()}"):
            StateLock(tmp_path / "lock").acquire()
    assert not first.is_held
    StateLock(tmp_path / "lock").acquire()


def test_released_lock_leaves_no_pid_and_may_be_released_twice(tmp_path: Path) -> None:
    lock = StateLock(tmp_path / "lock")
    lock.acquire()
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "lock.pid").stat().st_mode) == 0o600
    lock.release()
    lock.release()
    assert not (tmp_path / "lock.pid").exists()


def test_holder_without_a_readable_pid_is_called_another_process(tmp_path: Path) -> None:
    with StateLock(tmp_path / "lock"):
        (tmp_path / "lock.pid").write_text("not a number")
        with pytest.raises(LockHeldError, match="another process") as raised:
            StateLock(tmp_path / "lock").acquire()
    assert raised.value.pid is None


def test_lock_that_cannot_be_created_is_our_own_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match="cannot be locked"):
        StateLock(tmp_path / "lock").acquire()


CHAIN = "31337"
ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")


def market_lock(root: Path, book: str, chain: str = CHAIN) -> StateLock:
    """The lock of a market's state directory, taken."""
    directory = root / chain / book
    directory.mkdir(parents=True, exist_ok=True)
    lock = StateLock(directory / "lock")
    lock.acquire()
    return lock


def test_wallet_in_use_on_another_market_is_refused_by_name_and_pid(tmp_path: Path) -> None:
    first, second = market_lock(tmp_path, "0x01"), market_lock(tmp_path, "0x02")
    first.claim_wallets({ALICE: "alice", BOB: "bob"})
    second.claim_wallets({CAROL: "carol"})
    with pytest.raises(LockHeldError) as raised:
        second.claim_wallets({BOB.upper().replace("0X", "0x"): "robert", CAROL: "carol"})
    assert raised.value.pid == os.getpid()
    assert f"wallet robert ({BOB}) is in use by another run (pid {os.getpid()}) in {tmp_path / CHAIN / '0x01'}" in str(
        raised.value
    )
    # The refused run has no claim any more; the first still has its own.
    first.claim_wallets({ALICE: "alice", BOB: "bob", CAROL: "carol"})
    with pytest.raises(LockHeldError, match="and 1 more are in use"):
        second.claim_wallets({ALICE: "alice", BOB: "bob"})
    first.release()
    second.claim_wallets({ALICE: "alice"})
    assert stat.S_IMODE((tmp_path / CHAIN / "0x02" / "lock.wallets").stat().st_mode) == 0o600
    second.release()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"lock"}


def test_wallet_may_be_used_on_another_chain(tmp_path: Path) -> None:
    with market_lock(tmp_path, "0x01") as first, market_lock(tmp_path, "0x02", "1") as second:
        first.claim_wallets({ALICE: "alice"})
        second.claim_wallets({ALICE: "alice"})


CLAIMER = """
import sys, time
from pathlib import Path
from ama_tui.store.lock import StateLock
lock = StateLock(Path(sys.argv[1]) / "lock")
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
try:
    lock.claim_wallets({sys.argv[2]: "alice"})
except Exception as error:
    print(type(error).__name__, flush=True)
else:
    print("claimed", flush=True)
sys.stdin.readline()
"""


def claimer(directory: Path, wallet: str) -> subprocess.Popen[str]:
    """A process that has taken the lock and claims the wallet on command."""
    directory.mkdir(parents=True, exist_ok=True)
    started = subprocess.Popen(
        [sys.executable, "-c", CLAIMER, str(directory), wallet],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "held\n"
    return started


def claims(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("now\n")
    process.stdin.flush()


def test_claim_of_a_dead_process_no_longer_counts(tmp_path: Path) -> None:
    with claimer(tmp_path / CHAIN / "0x01", ALICE) as other, market_lock(tmp_path, "0x02") as ours:
        claims(other)
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(LockHeldError, match=f"pid {other.pid}"):
            ours.claim_wallets({ALICE: "alice"})
        other.kill()
        other.wait()
        assert (tmp_path / CHAIN / "0x01" / "lock.wallets").exists()
        ours.claim_wallets({ALICE: "alice"})
        # A run that takes over the dead one's directory does not inherit its wallets.
        ours.release()
        with market_lock(tmp_path, "0x01"):
            ours.acquire()
            ours.claim_wallets({ALICE: "alice"})


def test_two_runs_that_start_together_never_share_a_wallet(tmp_path: Path) -> None:
    for attempt in range(5):
        books = [tmp_path / str(attempt) / book for book in ("0x01", "0x02")]
        with claimer(books[0], ALICE) as one, claimer(books[1], ALICE) as other:
            claims(one)
            claims(other)
            assert one.stdout is not None
            assert other.stdout is not None
            said = {one.stdout.readline(), other.stdout.readline()}
            claims(one)
            claims(other)
        assert "LockHeldError\n" in said


def test_claim_that_cannot_be_written_is_our_own_error(tmp_path: Path) -> None:
    with market_lock(tmp_path, "0x01") as lock:
        (tmp_path / CHAIN / "0x01" / "lock.wallets").mkdir()
        with pytest.raises(StoreError, match="cannot be claimed"):
            lock.claim_wallets({ALICE: "alice"})


def test_checking_a_lock_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    path.touch()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.001):
            is_held(path)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for one in lookers:
        one.start()
    try:
        for _ in range(20):
            with StateLock(path):
                assert is_held(path)
    finally:
        stop.set()
        for one in lookers:
            one.join()
