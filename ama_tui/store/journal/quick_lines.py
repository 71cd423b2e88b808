"""Lines of ours checked and counted without parsing them: a checksum takes a fifth of the time.

What stands between `ts` and the first brace, the line's head, is the same in thousands of lines. A line whose head was
read before and whose checksum is right is as it was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from zlib import crc32

from ama_tui.store.journal.entry import CRC, RawLine, check_own

TS_BEGIN = len(b'{"ts":')
TS_END = TS_BEGIN + 13
"""A time of this century has 13 digits."""
_HEAD_BEGIN, _HEAD_END = b',"runId":', b',"params":'
_LONGEST_TAIL = 100
"""Before the checksum stand `seq` and `intentId`."""
_KEPT_HEADS = 10_000


Said = TypeVar("Said")


class Heads(Generic[Said]):
    """What the heads of checked lines say, as the caller needs it, of a few thousand heads."""

    def __init__(self) -> None:
        self._said: dict[bytes, Said] = {}
        self.find = self._said.get

    def keep(self, line: bytes, said: Said) -> None:
        """Keep it for a checked line of ours whose head is an ordinary one."""
        head = line[TS_END : line.find(b"{", 1)]
        if line[TS_BEGIN:TS_END].isdigit() and head.startswith(_HEAD_BEGIN) and head.endswith(_HEAD_END):
            if len(self._said) >= _KEPT_HEADS:
                self._said.clear()
            self._said[head] = said


@dataclass(frozen=True, slots=True)
class Taken:
    """Lines that needed no closer look: how many, their bytes, and the line after them, None at the end of the file."""

    lines: int
    size: int
    next_line: bytes | None


class LineCounter:
    """Counts lines; `actions`, `runs` and `errors` are of all that it was given."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self.runs: set[object] = set()
        self.errors = 0
        self._heads: Heads[str] = Heads()
        """The action that a head names."""
        self._first, self._last = b"9" * 13, b"0" * 13
        """The span of the lines that were not parsed; times of 13 digits sort as their numbers do."""
        self._times: set[int] = set()
        """The ends of the other lines' span."""

    @property
    def span(self) -> tuple[int, int] | None:
        """The earliest and the latest time in Unix milliseconds, None without a line."""
        times = self._times | ({int(self._first), int(self._last)} if self._first <= self._last else set())
        return (min(times), max(times)) if times else None

    def take(self, lines: Iterable[bytes], seq: int) -> Taken:
        """Count whole lines of ours as long as they have the next numbers; the first number is `seq`."""
        find, actions, first, last = self._heads.find, self.actions, self._first, self._last
        count = size = 0
        line: bytes | None
        for line in lines:
            covered, _, end = line.rpartition(CRC)
            brace = covered.find(b"{", 1)
            action = find(covered[TS_END:brace])
            number = covered.find(b',"seq":%d,"intentId":"' % (seq + count), -_LONGEST_TAIL)
            if (
                action is not None
                and end == b"%d}\n" % crc32(covered)
                and number > brace
                and covered.find(b"}", number) < 0
                and covered.find(b',"error":', brace) < 0
            ):
                actions[action] += 1
                ts = covered[TS_BEGIN:TS_END]
                if ts > last:
                    last = ts
                if ts < first:
                    first = ts
            elif not self._is_parsed(line, seq + count):
                break
            count += 1
            size += len(line)
        else:
            line = None
        self._first, self._last = first, last
        return Taken(count, size, line)

    def add(self, raw: RawLine, ts: int) -> None:
        """Count a line that was checked elsewhere."""
        self.actions[str(raw["action"])] += 1
        self.runs.add(raw.get("runId", ""))
        self.errors += isinstance(raw.get("error"), str)
        times = self._times | {ts}
        self._times = {min(times), max(times)}

    def _is_parsed(self, line: bytes, seq: int) -> bool:
        """Count a line with this number that has another head, an error or no intent."""
        raw = check_own(line, seq)
        if raw is None:
            return False
        self.add(raw, int(str(raw["ts"])))
        self._heads.keep(line, str(raw["action"]))
        return True
