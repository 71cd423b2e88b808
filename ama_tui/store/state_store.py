"""The engine's view of the state directory: lock, checkpoint, wallet files and journal."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, time_ns
from typing import Protocol

from ama_tui.disk.atomic import remove_temporaries, set_aside
from ama_tui.domain.errors import CheckpointError, JournalError, StoreError
from ama_tui.store import checkpoint as files
from ama_tui.store.checkpoint import Checkpoint, TradesCounted, WalletEntry
from ama_tui.store.journal.files import CANCEL_JOURNAL
from ama_tui.store.journal.index import JournalIndex, read_journal
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.replay import JournalReplay, replay
from ama_tui.store.journal.writer import NEWEST_READ, Journal, TruncatedTail
from ama_tui.store.lock import StateLock

CANCEL_LOCK = "cancel-all.lock"
REFRESH_S = 60.0
"""How often the checkpoint is written although nothing but the time has changed."""


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

    `checkpoint` is the latest one in memory, None before the first `begin` on a new market. Saving blocks and may be
    called from a worker thread; entries can be updated meanwhile. The checkpoint is synced; it has every wallet, so the
    wallet files and the journal's index, written after it, need not be. A store opened with `open_beside` never writes
    any of these: they belong to the other run.
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
        index: JournalIndex | None = None,
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
        self._index = index
        self._guard = threading.RLock()
        """Held for the entries in memory only, never while a file is written."""
        self._writing = threading.Lock()
        """Held while files are written; taken before `_guard`, never after it."""
        self._is_closed = False
        self._unsaved: set[str] = set()
        self._whole: set[Path] = set()
        self._saved_at = float("-inf")

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
        opened = _open_journal(paths.journal, tolerate=tolerate_journal, beside=beside)
        report = StateReport(opened.journal.truncated, bad, corrupt, opened.problem)
        return cls(
            paths, lock, opened.journal, opened.replay, checkpoint, report, index=opened.index, is_guest=bool(beside)
        )

    def claim(self, wallets: Mapping[str, str], runtime: Path, *, allies: Collection[Path] = ()) -> None:
        """Keep these wallets (address to nickname) from other runs until `close`; see `StateLock.claim_wallets`.

        `runtime` is a directory that every run of this user on this chain shares, whatever its state root. `allies` are
        the state directories of the same run's other markets.
        """
        self._lock.claim_wallets(wallets, allies=allies)
        self._drop_shared_claim()
        state = self.paths.directory.resolve()
        directory = _in_runtime(runtime, state)
        try:
            directory.mkdir(0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{directory} cannot be created ({error.strerror})", "set XDG_RUNTIME_DIR to a directory of your own"
            ) from error
        lock = StateLock(directory / "lock")
        lock.acquire()
        self._shared_lock = lock
        lock.claim_wallets(wallets, state, allies=[_in_runtime(runtime, ally.resolve()) for ally in allies])

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
            later = []
            for address, entry in (self.checkpoint.wallets if self.checkpoint else {}).items():
                journalled = self._replayed.last_action_at.get(address, 0)
                if journalled > (entry.last_action_at or 0):
                    later.append(replace(entry, last_action_at=journalled))
            if later:
                self.update_wallets(later)
        return self._replayed

    def update_wallets(self, entries: Iterable[WalletEntry], counted: TradesCounted | None = None) -> None:
        """Keep wallets' entries in memory; the next save writes them.

        `counted` says which trades are in the results of all wallets, None if that is as before.
        """
        with self._guard:
            if self.checkpoint is None:
                raise StoreError(
                    "no run has begun on this state directory", "this is a bug in ama-tui: please report it"
                )
            changed = {entry.address: entry for entry in entries}
            self.checkpoint = replace(
                self.checkpoint,
                wallets={**self.checkpoint.wallets, **changed},
                counted=counted or self.checkpoint.counted,
            )
            self._unsaved.update(changed)

    def save_changes(self) -> None:
        """Save unless nothing but the time has changed for less than `REFRESH_S`. Raises CheckpointError."""
        if self._unsaved or monotonic() - self._saved_at >= REFRESH_S:
            self.save()
        else:
            with self._writing:
                self._save_index(every_line=False)

    def save(self) -> None:
        """Write the checkpoint with a new time, then the changed wallets' files. Raises CheckpointError."""
        with self._writing:
            with self._guard:
                if self.checkpoint is None or self.is_guest or self._is_closed:
                    return
                checkpoint = replace(self.checkpoint, updated_at_ms=time_ns() // 1_000_000)
                self.checkpoint = checkpoint
                changed, self._unsaved = self._unsaved, set()
            try:
                self._write(checkpoint, changed)
            except BaseException:
                with self._guard:
                    self._unsaved |= changed
                self._saved_at = float("-inf")
                raise
            self._saved_at = monotonic()
            self._save_index(every_line=False)

    def close(self) -> None:
        """Close the journal and release the lock; saves only the journal's index. Closing twice is fine."""
        try:
            self.journal.close()
        finally:
            with self._writing:
                if not self._is_closed:
                    self._save_index(every_line=True)
                self._is_closed = True
            self._drop_shared_claim()
            self._lock.release()

    def _drop_shared_claim(self) -> None:
        """Remove the claim in the runtime directory. The state directory's lock keeps others from making the same."""
        lock, self._shared_lock = self._shared_lock, None
        if lock is not None:
            lock.release()
            lock.remove_directory()

    def _write(self, checkpoint: Checkpoint, changed: Iterable[str]) -> None:
        """Write the checkpoint, durably, and copies of the changed wallets. Raises CheckpointError."""
        self._set_aside_unreadable(self.paths.checkpoint, lambda: _read(self.paths))
        files.save_checkpoint(self.paths.checkpoint, checkpoint)
        for address in sorted(changed):
            path, entry = self.paths.wallet(address), checkpoint.wallets[address]
            self._set_aside_unreadable(path, partial(files.load_wallet, path, address))
            files.save_wallet(path, entry)

    def _save_index(self, *, every_line: bool) -> None:
        """Let the journal's index keep up, and write it when that is worth it. Without it a start takes longer."""
        if self._index is None or self._is_closed:
            return
        with suppress(OSError):
            self._index.keep_up()
            if every_line:
                self._index.save()
            else:
                self._index.save_if_due()

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


@dataclass(frozen=True, slots=True)
class _OpenedJournal:
    """The journal to write, the replay of what was read, and why it is not the market's own ('' when it is)."""

    journal: Journal
    replay: JournalReplay
    problem: str = ""
    index: JournalIndex | None = None


def _open_journal(path: Path, *, tolerate: bool, beside: str) -> _OpenedJournal:
    """Read the market's journal and open it, or with `tolerate` another one if need be. Raises JournalError."""
    if beside:  # another process may be writing to it, and so to its index
        scan = Scan(path, newest=NEWEST_READ, keep_going=True)
        return _open_other(path, replay(scan), beside)
    reading = read_journal(path, keep_going=tolerate)
    try:
        journal = Journal.open(path, reading.scan)
    except JournalError as error:
        if not tolerate:
            raise
        return _open_other(path, reading.replay, error.message)
    found = reading.replay.copy()
    if tolerate:
        found = replay(Scan(path.with_name(CANCEL_JOURNAL), newest=NEWEST_READ, keep_going=True), found)
    return _OpenedJournal(journal, found, index=reading.index())


def _open_other(path: Path, found: JournalReplay, problem: str) -> _OpenedJournal:
    """Open the cancel-all journal instead of the market's own, whose replay is `found`. Raises JournalError."""
    other = path.with_name(CANCEL_JOURNAL)
    scan = Scan(other, newest=NEWEST_READ, keep_going=True)
    found = replay(scan, found)
    if scan.faults:
        set_aside(other)
        scan = Scan(other).finish()
    return _OpenedJournal(Journal.open(other, scan), found, problem)


def _in_runtime(runtime: Path, state: Path) -> Path:
    """The directory in the runtime directory that stands for a state directory."""
    return runtime / hashlib.sha256(os.fsencode(state)).hexdigest()[:16]


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
