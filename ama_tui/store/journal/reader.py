"""Reading a journal from oldest line to newest and checking that it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ama_tui.disk.atomic import open_own
from ama_tui.domain.errors import JournalCorruptError, JournalError
from ama_tui.store.journal.entry import JournalEntry, RawLine, entry_of, parse_own, parse_raw, seq_of
from ama_tui.store.journal.files import is_first, segment_files
from ama_tui.store.journal.quick_lines import LineCounter
from ama_tui.store.journal.sync_marker import read_marker
from ama_tui.store.json_fields import ShapeError

READ_BYTES = 1 << 18
REPAIR_HINT = "'ama-tui journal verify' lists what is wrong, 'ama-tui journal repair' keeps the original aside"


class Line:
    """A line of a file: its number from 1, offset, bytes, and its JSON or why it cannot be read."""

    __slots__ = ("data", "number", "offset", "problem", "raw")

    def __init__(self, number: int, offset: int, data: bytes) -> None:
        self.number = number
        self.offset = offset
        self.data = data
        self.raw: RawLine | None = None
        self.problem = ""
        try:
            self.raw = parse_own(data) or parse_raw(data)
        except ShapeError as error:
            self.problem = str(error)

    @property
    def entry(self) -> JournalEntry | None:
        """What the line says, None when it cannot be read."""
        return None if self.raw is None else entry_of(self.raw)

    @property
    def seq(self) -> int | None:
        return None if self.raw is None else seq_of(self.raw)

    @property
    def is_finished(self) -> bool:
        return self.data.endswith(b"\n")

    @property
    def is_blank(self) -> bool:
        return self.data.isspace() and self.is_finished


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal was read: up to the end of a line of one of its files, which is whole until there.

    `line` counts the file's lines until there, `lines` those of all the files that were read. The numbers are None when
    no line has one.
    """

    file: Path
    offset: int = 0
    line: int = 0
    lines: int = 0
    first_seq: int | None = None
    last_seq: int | None = None


def read_lines(file: Path) -> Iterator[Line]:
    """The lines of one file without blank ones; empty when there is no file. Raises OSError."""
    offset = 0
    with suppress(FileNotFoundError), _opened(file) as lines:
        for number, data in enumerate(lines, start=1):
            line = Line(number, offset, data)
            offset += len(data)
            if not line.is_blank:
                yield line


def lines_of(journal: Path, *, newest: int | None = None) -> Iterator[tuple[Path, Line]]:
    """The lines of a journal's files, oldest first, each with its file. Raises JournalError."""
    try:
        for file in segment_files(journal)[-newest if newest else 0 :]:
            for line in read_lines(file):
                yield file, line
    except OSError as error:
        raise _unreadable(journal, error) from error


def bytes_of(journal: Path) -> Iterator[bytes]:
    """The same lines, unread. Raises JournalError."""
    try:
        for file in segment_files(journal):
            with suppress(FileNotFoundError), _opened(file) as lines:
                yield from (data for data in lines if not data.isspace())
    except OSError as error:
        raise _unreadable(journal, error) from error


@dataclass(frozen=True, slots=True)
class JournalFault:
    """A damaged line, or one with the wrong sequence number; line number 0 means the file itself."""

    file: Path
    number: int
    problem: str

    @property
    def text(self) -> str:
        """The problem and its line."""
        return f"line {self.number}: {self.problem}" if self.number else self.problem


class Scan:
    """One pass over a journal. Iterate it once to its end for the entries; the other fields are set after that.

    `newest` limits it to that many of the newest files, `since` to what comes after that position. The entries end at
    the first damage, unless `keep_going`: then every readable one is given. `faults` are those no crash explains.
    `truncated_at` is the offset of the newest file's unfinished tail, None when it has none: an unfinished last line
    or, from the first damaged line on, what a power failure left of lines that were not yet durable (see `marker`).
    `counter` is given our lines as far as it takes them: these are counted here too, but do not come out.
    `lacks_newline` says that only the newline of the last line is missing. `first_seq` and `last_seq` are None when no
    line has one.
    """

    def __init__(
        self,
        path: Path,
        *,
        newest: int | None = None,
        keep_going: bool = False,
        since: Position | None = None,
        counter: LineCounter | None = None,
    ) -> None:
        self.path = path
        self.faults: list[JournalFault] = []
        self.truncated_at: int | None = None
        self.lacks_newline = False
        self.lines = 0 if since is None else since.lines
        self.first_seq = None if since is None else since.first_seq
        self.last_seq = None if since is None else since.last_seq
        self._keep_going = keep_going
        self._marker = read_marker(path)
        try:
            everything = segment_files(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        self.files = everything if newest is None else everything[-newest:]
        self._since = since
        self._counter = counter
        self._begins_at_one = bool(self.files) and is_first(self.files[0], path)
        self._next_seq = 0 if self.last_seq is None else self.last_seq + 1
        """The number of a line that needs no closer look, 0 while every line needs one."""
        self._was_unreadable = False
        self._first_damage: Line | None = None
        self._seq_before_damage: int | None = None
        self._has_foreign_after = False
        self._end = Position(path) if since is None else since

    def __iter__(self) -> Iterator[JournalEntry]:
        return map(entry_of, self.raws())

    def raws(self) -> Iterator[RawLine]:
        """The same lines as JSON: an entry takes longer to make than a line to read."""
        begin = self._since
        files = self.files if begin is None else self.files[self.files.index(begin.file) :]
        for file in files:
            try:
                yield from self._raws_of(file, begin if begin is not None and begin.file == file else Position(file))
            except OSError as error:
                if not self._keep_going:
                    raise _unreadable(file, error) from error
                self._was_unreadable, self._next_seq = True, 0
                self.faults.append(JournalFault(file, 0, f"cannot be read ({error.strerror})"))
        self._check_tail()

    def _raws_of(self, file: Path, begin: Position) -> Iterator[RawLine]:
        number, offset = begin.line, begin.offset
        with suppress(FileNotFoundError), _opened(file) as lines:
            lines.seek(offset)
            while True:
                if self._counter is None or not self._next_seq:
                    data = next(lines, None)
                else:
                    taken = self._counter.take(lines, self._next_seq)
                    number, offset, data = number + taken.lines, offset + taken.size, taken.next_line
                    self.lines, self._next_seq = self.lines + taken.lines, self._next_seq + taken.lines
                    self.last_seq = self._next_seq - 1
                if data is None:
                    break
                number += 1
                next_seq = self._next_seq
                raw = parse_own(data, next_seq) if next_seq else None
                if raw is not None:
                    self.last_seq, self._next_seq = next_seq, next_seq + 1
                else:
                    raw = self._looked_at(file, Line(number, offset, data))
                    is_clean = self.last_seq is not None and not self._was_unreadable and not self.faults
                    self._next_seq = (self.last_seq or 0) + 1 if is_clean else 0
                offset += len(data)
                if raw is not None:
                    self.lines += 1
                    yield raw
        self._end = Position(file, offset, number)

    def _looked_at(self, file: Path, line: Line) -> RawLine | None:
        """A line that is not simply our next one; None when it is not given to the reader."""
        if line.is_blank:
            return None
        before = self.last_seq
        problem = self._problem(line, is_newest=file == self.path)
        if problem:
            if not self.faults:
                self._first_damage, self._seq_before_damage = line, before
            self.faults.append(JournalFault(file, line.number, problem))
        elif self.faults and line.raw is not None:
            self._has_foreign_after |= line.seq is None
        return line.raw if self._keep_going or not self.faults else None

    def finish(self) -> Scan:
        """Read it all for the checks only."""
        for _ in self.raws():
            pass
        return self

    @property
    def position(self) -> Position:
        """Where the whole lines of the newest file end once `Journal.open` has repaired it. Call it on no fault."""
        end = self._end
        offset, line = end.offset + self.lacks_newline, end.line
        if self.truncated_at is not None and self._first_damage is not None:
            offset, line = self.truncated_at, self._first_damage.number - 1
        return Position(end.file, offset, line, self.lines, self.first_seq, self.last_seq)

    def raise_fault(self) -> None:
        """Raise JournalCorruptError for the first fault, if there is one."""
        if self.faults:
            raise JournalCorruptError(f"{self.faults[0].file} {self.faults[0].text}", REPAIR_HINT)

    def _problem(self, line: Line, *, is_newest: bool) -> str:
        """What is wrong with a line at this place, '' for nothing."""
        if line.raw is None:
            self._was_unreadable = True
            return line.problem
        if not line.is_finished and not is_newest:
            return "its end is missing"
        problem = "" if line.seq is None else self._gap(line.seq)
        self.lacks_newline = not line.is_finished and not problem
        return problem

    def _gap(self, seq: int) -> str:
        """What is wrong with a line's number; after an unreadable line any higher one is accepted."""
        before, was_unreadable = self.last_seq, self._was_unreadable
        self._was_unreadable, self.last_seq = False, seq
        if before is None:
            self.first_seq = seq
            is_missing = self._begins_at_one and seq > 1 and not was_unreadable
            return f"the first seq is {seq}, not 1" if is_missing else ""
        is_next = seq > before if was_unreadable else seq == before + 1
        return "" if is_next else f"seq {seq} follows {before}"

    def _check_tail(self) -> None:
        """Is this the damage a crash leaves? Then it is a truncated tail, not a fault."""
        damage, before = self._first_damage, self._seq_before_damage
        if damage is None or self.faults[0].file != self.path:
            return
        is_cut_short = damage.raw is None and not damage.is_finished
        was_not_durable = self._marker is not None and (before or 0) >= self._marker and not self._has_foreign_after
        if is_cut_short or was_not_durable:
            self.truncated_at, self.last_seq, self.lacks_newline = damage.offset, before, False
            self.faults.clear()


def _opened(file: Path) -> BinaryIO:
    return os.fdopen(open_own(file, os.O_RDONLY), "rb", buffering=READ_BYTES)


def _unreadable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"{path} cannot be read ({error.strerror})", "check its owner and permissions")
