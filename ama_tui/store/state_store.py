"""The engine's view of the state directory: lock, checkpoint, wallet files and journal."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Protocol

from ama_tui.disk.atomic import remove_temporaries, set_aside
from ama_tui.domain.errors import CheckpointError, JournalError, StoreError
from ama_tui.store import checkpoint as files
from ama_tui.store.checkpoint import Checkpoint, WalletEntry
from ama_tui.store.journal.files import CANCEL_JOURNAL
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.replay import JournalReplay, replay
from ama_tui.store.journal.writer import NEWEST_READ, Journal, TruncatedTail
from ama_tui.store.lock import StateLock

CANCEL_LOCK = "cancel-all.lock"


class StateFiles(Protocol):
    """Where the files of one market are; `config.paths.StatePaths` is one."""

    @property
    def chain_id(self) -> int: ...
    @property
    def order_book(self) -> str: ...
    @property
    def directory(self) -> Path: ...
    @property
    def checkpoint(self) -> Path: ...
    @property
    def journal(self) -> Path: ...
    @property
    def wallets(self) -> Path: ...
    @property
    def lock(self) -> Path: ...
    def wallet(self, address: str) -> Path: ...
    def create(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StateReport:
    """What opening found and repaired; none of it stops a run.

    `bad_wallet_files` could not be read; each is set aside when its wallet is next saved. `corrupt_checkpoint` says why
    the checkpoint was ignored (only with `fresh`), `journal_problem` why the market's own journal is not written (only
    for a cancel-all).
    """

    truncated: TruncatedTail | None = None
    bad_wallet_files: tuple[Path, ...] = ()
    corrupt_checkpoint: str | None = None
    journal_problem: str = ""


class StateStore:
    """An open state directory; it holds the lock until `close`.

    `checkpoint` is the latest one in memory, None before the first `begin` on a new market. Saving blocks for some
    milliseconds and may be called from a worker thread. A store opened with `open_beside` never writes the checkpoint
    or wallet files: they belong to the other run.
    """

    def __init__(
        self,
        paths: StateFiles,
        lock: StateLock,
        journal: Journal,
        replayed: JournalReplay,
        checkpoint: Checkpoint | None,
        report: StateReport,
        *,
        is_guest: bool = False,
    ) -> None:
        self.paths = paths
        self.journal = journal
        self.checkpoint = checkpoint
        self.report = report
        self._lock = lock
        self._shared_lock: StateLock | None = None
        self._replayed = replayed
        self.is_guest = is_guest
        self._guard = threading.RLock()
        self._unsaved: set[str] = set()
        self._whole: set[Path] = set()

    @classmethod
    def open(cls, paths: StateFiles, *, fresh: bool = False, tolerate_journal: bool = False) -> StateStore:
        """Create the directory, take its lock, read the checkpoint and wallet files, read and open the journal.

        Raises LockHeldError, CheckpointError (with `fresh` a corrupt one is only reported), JournalError or StoreError;
        nothing is held or changed then, except that a truncated journal tail is set aside. With `tolerate_journal`, for
        a cancel-all, a damaged journal is left alone: its readable lines count, `journal` is another one
        (`cancel-all.jsonl`), and `report.journal_problem` says why.
        """
        paths.create()
        lock = StateLock(paths.lock)
        lock.acquire()
        try:
            remove_temporaries(paths.directory)
            remove_temporaries(paths.wallets)
            return cls._opened(paths, lock, fresh=fresh, tolerate_journal=tolerate_journal)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_beside(cls, paths: StateFiles) -> StateStore:
        """Open for a cancel-all while another run holds the lock: read everything, write only `cancel-all.jsonl`.

        Raises LockHeldError when another cancel-all does the same, else as `open`.
        """
        paths.create()
        lock = StateLock(paths.directory / CANCEL_LOCK)
        lock.acquire()
        try:
            return cls._opened(paths, lock, beside="another run holds the state directory", tolerate_journal=True)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _opened(
        cls, paths: StateFiles, lock: StateLock, *, fresh: bool = False, tolerate_journal: bool, beside: str = ""
    ) -> StateStore:
        checkpoint, corrupt = _load(paths, fresh=fresh)
        bad: tuple[Path, ...] = ()
        if checkpoint is not None:
            checkpoint, bad = _with_wallet_files(paths, checkpoint)
        journal, replayed, problem = _open_journal(paths.journal, tolerate=tolerate_journal, beside=beside)
        report = StateReport(journal.truncated, bad, corrupt, problem)
        return cls(paths, lock, journal, replayed, checkpoint, report, is_guest=bool(beside))

    def claim(self, wallets: Mapping[str, str], runtime: Path) -> None:
        """Keep these wallets (address to nickname) from other runs until `close`; see `StateLock.claim_wallets`.

        `runtime` is a directory that every run of this user on this chain shares, whatever its state root.
        """
        self._lock.claim_wallets(wallets)
        self._drop_shared_claim()
        state = self.paths.directory.resolve()
        directory = runtime / hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
        try:
            directory.mkdir(0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{directory} cannot be created ({error.strerror})", "set XDG_RUNTIME_DIR to a directory of your own"
            ) from error
        lock = StateLock(directory / "lock")
        lock.acquire()
        self._shared_lock = lock
        lock.claim_wallets(wallets, state)

    def begin(self, checkpoint: Checkpoint) -> None:
        """Make this the checkpoint and write it with its wallet files; corrupt ones are set aside first.

        Raises CheckpointError.
        """
        with self._guard:
            self.checkpoint = checkpoint
            self._unsaved.update(checkpoint.wallets)
            self.save()

    def replay_journal(self) -> JournalReplay:
        """What the newest journal files said at opening.

        The checkpoint's wallets get the later `last_action_at` of the two.
        """
        with self._guard:
            for address, entry in (self.checkpoint.wallets if self.checkpoint else {}).items():
                journalled = self._replayed.last_action_at.get(address, 0)
                if journalled > (entry.last_action_at or 0):
                    self.update_wallet(replace(entry, last_action_at=journalled))
        return self._replayed

    def update_wallet(self, entry: WalletEntry) -> None:
        """Keep a wallet's entry in memory; `save` writes it."""
        with self._guard:
            if self.checkpoint is None:
                raise StoreError(
                    "no run has begun on this state directory", "this is a bug in ama-tui: please report it"
                )
            self.checkpoint = self.checkpoint.with_wallet(entry)
            self._unsaved.add(entry.address)

    def save_wallet(self, entry: WalletEntry) -> None:
        """Keep a wallet's entry and write its file, but not the checkpoint. Raises CheckpointError."""
        with self._guard:
            self.update_wallet(entry)
            if not self.is_guest:
                self._write_wallet(entry)

    def save(self) -> None:
        """Write the changed wallet files, then the checkpoint with a new time. Raises CheckpointError."""
        with self._guard:
            if self.checkpoint is None or self.is_guest:
                return
            for address in sorted(self._unsaved):
                self._write_wallet(self.checkpoint.wallets[address])
            self._set_aside_unreadable(self.paths.checkpoint, lambda: _read(self.paths))
            self.checkpoint = replace(self.checkpoint, updated_at_ms=time.time_ns() // 1_000_000)
            files.save_checkpoint(self.paths.checkpoint, self.checkpoint)

    def close(self) -> None:
        """Close the journal and release the lock; saves nothing. Closing twice is fine."""
        try:
            self.journal.close()
        finally:
            self._drop_shared_claim()
            self._lock.release()

    def _drop_shared_claim(self) -> None:
        """Remove the claim in the runtime directory. The state directory's lock keeps others from making the same."""
        lock, self._shared_lock = self._shared_lock, None
        if lock is not None:
            lock.release()
            lock.remove_directory()

    def _write_wallet(self, entry: WalletEntry) -> None:
        path = self.paths.wallet(entry.address)
        self._set_aside_unreadable(path, lambda: files.load_wallet(path, entry.address))
        files.save_wallet(path, entry)
        self._unsaved.discard(entry.address)

    def _set_aside_unreadable(self, path: Path, read: Callable[[], object]) -> None:
        """Before a file's first rewrite, set it aside if it cannot be read."""
        if path in self._whole:
            return
        try:
            read()
        except CheckpointError:
            try:
                set_aside(path)
            except OSError as error:
                raise CheckpointError(
                    f"{path} is corrupt and could not be set aside ({error.strerror})", "move it away by hand"
                ) from error
        self._whole.add(path)


def _open_journal(path: Path, *, tolerate: bool, beside: str) -> tuple[Journal, JournalReplay, str]:
    """The journal to write, the replay of what was read, and why it is not the market's own ('' when it is).

    Raises JournalError.
    """
    scan = Scan(path, newest=NEWEST_READ, keep_going=tolerate)
    if not tolerate:
        found = replay(scan)
        return Journal.open(path, scan), found, ""
    other = path.with_name(CANCEL_JOURNAL)
    other_scan = Scan(other, newest=NEWEST_READ, keep_going=True)
    found = replay(chain(scan, other_scan))
    problem = beside
    if not problem:
        try:
            return Journal.open(path, scan), found, ""
        except JournalError as error:
            problem = error.message
    if other_scan.faults:
        set_aside(other)
        other_scan = Scan(other).finish()
    return Journal.open(other, other_scan), found, problem


def _read(paths: StateFiles) -> Checkpoint | None:
    return files.load_checkpoint(paths.checkpoint, chain_id=paths.chain_id, order_book=paths.order_book)


def _load(paths: StateFiles, *, fresh: bool) -> tuple[Checkpoint | None, str | None]:
    """The checkpoint, or with `fresh` why it could not be read."""
    try:
        return _read(paths), None
    except CheckpointError as error:
        if not fresh:
            raise
        return None, error.message


def _with_wallet_files(paths: StateFiles, checkpoint: Checkpoint) -> tuple[Checkpoint, tuple[Path, ...]]:
    """The checkpoint merged with newer wallet files, and the wallet files that cannot be read.

    A crash between the two writes leaves a wallet file ahead of the checkpoint.
    """
    bad: list[Path] = []
    wallets = dict(checkpoint.wallets)
    for address, known in checkpoint.wallets.items():
        path = paths.wallet(address)
        try:
            entry = files.load_wallet(path, address)
        except CheckpointError:
            bad.append(path)
            continue
        if entry is not None:
            wallets[address] = known.merged(entry)
    return replace(checkpoint, wallets=wallets), tuple(bad)
