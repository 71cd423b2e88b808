"""Makes the standard streams usable in every case: closed, on a full disk, without a reader, without Unicode.

- A closed stream becomes /dev/null: otherwise the next file opened would get its number, and its text.
- Characters that the encoding lacks are written as ASCII.
- Text for a stderr that cannot be written is lost, and the command continues. A stdout that cannot be written ends the
  command.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

from ama_tui.domain.errors import AmaError
from ama_tui.domain.plain_characters import ERRORS, PLAIN_ASCII, is_ascii


class OutputError(AmaError):
    """Stdout cannot be written."""

    def __init__(self, number: int | None) -> None:
        super().__init__(
            f"cannot write to stdout ({os.strerror(number or errno.EIO)})", "free the disk, or write elsewhere"
        )
        self.has_no_reader = number == errno.EPIPE
        """The reader has left, as in `| head -1`."""


def prepare_streams() -> None:
    """Make stdin, stdout and stderr usable, as described above."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open to the end
    sys.stdout = _text(_Stdout(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Stderr(2, "w", closefd=False), sys.stderr)


def _text(file: FileIO, replaced: TextIO | None) -> TextIOWrapper:
    is_line_buffered = file.isatty() or isinstance(file, _Stderr)
    encoding = "utf-8" if replaced is None else replaced.encoding
    if is_ascii(encoding):
        encoding = PLAIN_ASCII
    return TextIOWrapper(BufferedWriter(file), encoding, ERRORS, line_buffering=is_line_buffered)


class _Waiting(FileIO):
    """A file that another process may have made non-blocking, under a BufferedWriter, which writes memoryviews."""

    def write(self, data: Any, /) -> int:
        while (count := super().write(data)) is None:
            select.select([], [self], [])
        return count


class _Stderr(_Waiting):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


class _Stdout(_Waiting):
    _is_broken = False

    def write(self, data: Any, /) -> int:
        if self._is_broken:
            return len(data)  # already reported
        try:
            return super().write(data)
        except OSError as error:
            self._is_broken = True
            raise OutputError(error.errno) from None
