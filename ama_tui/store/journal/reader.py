"""Reading a journal from oldest line to newest and checking that it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ama_tui.disk.atomic import open_own
from ama_tui.domain.errors import JournalCorruptError, JournalError
from ama_tui.store.journal.entry import JournalEntry, parse_line
from ama_tui.store.journal.files import is_first, segment_files
from ama_tui.store.journal.sync_marker import read_marker
from ama_tui.store.json_fields import ShapeError

REPAIR_HINT = "'ama-tui journal verify' lists what is wrong, 'ama-tui journal repair' keeps the original aside"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number from 1, offset, bytes, and its entry or why it has none."""

    number: int
    offset: int
    data: bytes
    entry: JournalEntry | None
    problem: str = ""

    @property
    def is_finished(self) -> bool:
        return self.data.endswith(b"\n")


def read_lines(file: Path) -> Iterator[Line]:
    """The lines of one file without blank ones; empty when there is no file. Raises OSError."""
    offset = 0
    with suppress(FileNotFoundError), os.fdopen(open_own(file, os.O_RDONLY), "rb") as lines:
        for number, data in enumerate(lines, start=1):
            begin, offset = offset, offset + len(data)
            if data.isspace() and data.endswith(b"\n"):
                continue
            try:
                yield Line(number, begin, data, parse_line(data))
            except ShapeError as error:
                yield Line(number, begin, data, None, str(error))


def lines_of(journal: Path, *, newest: int | None = None) -> Iterator[tuple[Path, Line]]:
    """The lines of a journal's files, oldest first, each with its file. Raises JournalError."""
    try:
        for file in segment_files(journal)[-newest if newest else 0 :]:
            for line in read_lines(file):
                yield file, line
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

    `newest` limits it to that many of the newest files. The entries end at the first damage, unless `keep_going`: then
    every readable one is given. `faults` are those no crash explains. `truncated_at` is the offset of the newest file's
    unfinished tail, None when it has none: an unfinished last line or, from the first damaged line on, what a power
    failure left of lines that were not yet durable (see `marker`). `lacks_newline` says that only the newline of the
    last line is missing. `first_seq` and `last_seq` are None when no line has one.
    """

    def __init__(self, path: Path, *, newest: int | None = None, keep_going: bool = False) -> None:
        self.path = path
        self.faults: list[JournalFault] = []
        self.truncated_at: int | None = None
        self.lacks_newline = False
        self.lines = 0
        self.first_seq: int | None = None
        self.last_seq: int | None = None
        self._keep_going = keep_going
        self._marker = read_marker(path)
        try:
            everything = segment_files(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        self.files = everything if newest is None else everything[-newest:]
        self._begins_at_one = bool(self.files) and is_first(self.files[0], path)
        self._was_unreadable = False
        self._first_damage: Line | None = None
        self._seq_before_damage: int | None = None
        self._has_foreign_after = False

    def __iter__(self) -> Iterator[JournalEntry]:
        for file in self.files:
            try:
                yield from self._entries_of(file)
            except OSError as error:
                if not self._keep_going:
                    raise _unreadable(file, error) from error
                self._was_unreadable = True
                self.faults.append(JournalFault(file, 0, f"cannot be read ({error.strerror})"))
        self._check_tail()

    def _entries_of(self, file: Path) -> Iterator[JournalEntry]:
        for line in read_lines(file):
            before = self.last_seq
            problem = self._problem(line, is_newest=file == self.path)
            if problem:
                if not self.faults:
                    self._first_damage, self._seq_before_damage = line, before
                self.faults.append(JournalFault(file, line.number, problem))
            elif self.faults and line.entry is not None:
                self._has_foreign_after |= line.entry.seq is None
            if line.entry is not None and (self._keep_going or not self.faults):
                self.lines += 1
                yield line.entry

    def finish(self) -> Scan:
        """Read it all for the checks only."""
        for _ in self:
            pass
        return self

    def raise_fault(self) -> None:
        """Raise JournalCorruptError for the first fault, if there is one."""
        if self.faults:
            raise JournalCorruptError(f"{self.faults[0].file} {self.faults[0].text}", REPAIR_HINT)

    def _problem(self, line: Line, *, is_newest: bool) -> str:
        """What is wrong with a line at this place, '' for nothing."""
        if line.entry is None:
            self._was_unreadable = True
            return line.problem
        if not line.is_finished and not is_newest:
            return "its end is missing"
        problem = self._gap(line.entry.seq) if line.entry.seq is not None else ""
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
        is_cut_short = damage.entry is None and not damage.is_finished
        was_not_durable = self._marker is not None and (before or 0) >= self._marker and not self._has_foreign_after
        if is_cut_short or was_not_durable:
            self.truncated_at, self.last_seq, self.lacks_newline = damage.offset, before, False
            self.faults.clear()


def _unreadable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"{path} cannot be read ({error.strerror})", "check its owner and permissions")
