"""The journal's index: what a start needs to know of a journal, so that it reads only the lines written since.

`actions.index` next to the journal holds the digest of the journal up to a position, and the checksum of every byte up
to there in the files that a start looks at. It is used only if these bytes are unchanged; otherwise the files
are read line by line, as without an index. So it may be lost, cut, old or another journal's at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

from ama_tui.disk.atomic import open_own, read_own, replace_file
from ama_tui.store.journal.entry import RawLine, entry_of, parse_own, seq_of
from ama_tui.store.journal.files import ordinals
from ama_tui.store.journal.index_format import FileSum, IndexHeader, decoded, encoded
from ama_tui.store.journal.reader import Line, Position, Scan
from ama_tui.store.journal.replay import JournalReplay, replay
from ama_tui.store.journal.writer import NEWEST_READ

SAVE_EVERY_LINES = 10_000
"""The index is written again after this many lines; a start reads that many in a fraction of a second."""
_CHUNK = 1 << 20
_LAST_LINES = 1 << 18


class _ChangedError(Exception):
    """The files are not as they were when they were listed."""


def index_path(journal: Path) -> Path:
    return journal.with_suffix(".index")


@dataclass(slots=True)
class JournalReading:
    """A journal that was read: the finished scan of its newest files, and the digest of its lines."""

    scan: Scan
    replay: JournalReplay
    _stored: JournalIndex | None = None

    def index(self) -> JournalIndex | None:
        """The index of what was read, to be kept up. Call it once the journal is open. None if it cannot be read."""
        position, files = self.scan.position, self.scan.files
        stored = self._stored
        try:
            numbers = {file: number for number, file in ordinals(self.scan.path).items()}
            sums: list[FileSum] = []
            for file in (*files, *(() if position.file in files else (position.file,))):
                known = None if stored is None else stored.sum_of(numbers[file])
                end = position.offset if file == position.file else file.stat().st_size
                begin = FileSum(numbers[file]) if known is None else known
                sums.append(FileSum(numbers[file], end, _crc(file, begin.size, end, begin.crc)))
        except (OSError, KeyError, _ChangedError):
            return None
        saved = -1 if stored is None else stored.position.lines
        return JournalIndex(self.scan.path, position, sums, self.replay, saved)


def read_journal(path: Path, *, keep_going: bool = False) -> JournalReading:
    """Read the newest files of a journal, with the help of its index where that fits. Call with the journal locked.

    The scan's faults are those of the files themselves. Raises JournalError.
    """
    stored = JournalIndex.load(path)
    if stored is not None:
        scan = Scan(path, newest=NEWEST_READ, keep_going=keep_going, since=stored.position)
        found = replay(scan, stored.replay)
        if not scan.faults:
            return JournalReading(scan, found, stored)
    scan = Scan(path, newest=NEWEST_READ, keep_going=keep_going)
    return JournalReading(scan, replay(scan))


@dataclass(slots=True)
class JournalIndex:
    """The digest of a journal up to `position`. `sums` are those of the last files until there."""

    path: Path
    position: Position
    sums: list[FileSum]
    replay: JournalReplay
    saved_lines: int = -1
    """Its lines when it was last saved, -1 if it was not."""

    @classmethod
    def load(cls, path: Path) -> JournalIndex | None:
        """The stored index of a journal; None if there is none, or if it does not fit the journal."""
        try:
            stored = decoded(read_own(index_path(path)))
            if stored is None:
                return None
            header, found = stored
            newest = dict(sorted(ordinals(path).items())[-NEWEST_READ:])
            file = newest[header.sums[-1].number]
            if not header.lines or not _fits(header, newest):
                return None
        except (OSError, KeyError, _ChangedError):
            return None
        end = header.sums[-1].size
        position = Position(file, end, header.line, header.lines, header.first_seq, header.last_seq)
        return cls(path, position, list(header.sums), found, header.lines)

    def sum_of(self, number: int) -> FileSum | None:
        return next((one for one in self.sums if one.number == number), None)

    def keep_up(self) -> None:
        """Take in the whole lines that were written since. Stops at anything unexpected. Raises OSError."""
        with suppress(_ChangedError):
            while self._take_in_file():
                pass

    def save_if_due(self) -> None:
        """Write the index once there is enough that it does not have. Raises OSError; the old one is then unchanged."""
        if self.position.lines - self.saved_lines >= SAVE_EVERY_LINES:
            self.save()

    def save(self) -> None:
        """Write the index unless it is written already. Raises OSError; the old one is then unchanged.

        It is not synced: after a power failure it does not fit, or is not whole.
        """
        position = self.position
        if position.lines == self.saved_lines:
            return
        header = IndexHeader(
            tuple(self.sums[-NEWEST_READ:]), position.line, position.lines, position.first_seq, position.last_seq
        )
        data = encoded(header, self.replay)
        if data is not None:
            replace_file(index_path(self.path), data, is_durable=False)
            self.saved_lines = position.lines

    def _take_in_file(self) -> bool:
        """Take in the rest of the present file. True if another file has been started since."""
        number = self.sums[-1].number
        files = ordinals(self.path)
        if number not in files:
            return False
        for data in _whole_lines(files[number], self.sums[-1].size):
            self._take_in(files[number], data)
        if number + 1 not in files:
            return False
        self.sums.append(FileSum(number + 1))
        del self.sums[:-NEWEST_READ]
        self.position = replace(self.position, file=files[number + 1], offset=0, line=0)
        return True

    def _take_in(self, file: Path, data: bytes) -> None:
        """Take in whole lines, or none of them. Raises _ChangedError when they are not the next ones."""
        before = self.position
        seq, first_seq, line = before.last_seq or 0, before.first_seq, before.line
        raws: list[RawLine] = []
        for one in data.split(b"\n")[:-1]:
            line += 1
            raw = parse_own(one + b"\n", seq + 1) or _foreign(Line(line, 0, one + b"\n"), seq + 1)
            if raw is None:
                continue
            raws.append(raw)
            if seq_of(raw) is not None:
                seq += 1
                first_seq = seq if first_seq is None else first_seq
        for raw in raws:
            self.replay.add(entry_of(raw))
        last = self.sums[-1]
        self.sums[-1] = FileSum(last.number, last.size + len(data), crc32(data, last.crc))
        self.position = Position(
            file, last.size + len(data), line, before.lines + len(raws), first_seq, seq or before.last_seq
        )


def _foreign(line: Line, seq: int) -> RawLine | None:
    """A line that is not simply our next one, None for a blank one. Raises _ChangedError if it cannot be next."""
    if line.is_blank:
        return None
    if line.raw is None or line.seq not in (None, seq):
        raise _ChangedError
    return line.raw


def _fits(header: IndexHeader, newest: dict[int, Path]) -> bool:
    """Are the bytes that the index is about still those of the newest files?"""
    sums = {one.number: one for one in header.sums}
    last = header.sums[-1]
    for number, file in newest.items():
        if number > last.number:
            break
        one = sums.get(number)
        if one is None or (number < last.number and file.stat().st_size != one.size):
            return False
        if _crc(file, 0, one.size) != one.crc:
            return False
    return _last_seq(newest, last) == header.last_seq


def _last_seq(newest: dict[int, Path], last: FileSum) -> int | None:
    """The last number in the files up to an index's position."""
    for number, file in sorted(newest.items(), reverse=True):
        if number > last.number:
            continue
        size = last.size if number == last.number else file.stat().st_size
        begin = max(0, size - _LAST_LINES)
        for data in reversed(b"".join(_chunks(file, begin, size)).split(b"\n")[1 if begin else 0 : -1]):
            seq = Line(0, 0, data + b"\n").seq
            if seq is not None:
                return seq
    return None


def _whole_lines(file: Path, offset: int) -> Iterator[bytes]:
    """What stands in a file from an offset on, in pieces that end with a line. Raises OSError."""
    rest = b""
    size = file.stat().st_size
    for chunk in _chunks(file, offset, size):
        lines, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            yield lines + newline


def _crc(file: Path, begin: int, end: int, crc: int = 0) -> int:
    """The CRC-32 of a part of a file, continued from `crc`. Raises OSError, _ChangedError when it is too short."""
    for chunk in _chunks(file, begin, end):
        crc = crc32(chunk, crc)
    return crc


def _chunks(file: Path, begin: int, end: int) -> Iterator[bytes]:
    if begin > end:
        raise _ChangedError
    with os.fdopen(open_own(file, os.O_RDONLY), "rb", buffering=0) as data:
        data.seek(begin)
        while begin < end:
            chunk = data.read(min(_CHUNK, end - begin))
            if not chunk:
                raise _ChangedError
            begin += len(chunk)
            yield chunk
