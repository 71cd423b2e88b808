"""A driver for a terminal that may disappear: writing never blocks, so the run can still be stopped properly.

Textual's driver passes its output to a thread through a bounded queue. When the terminal disappears, that
thread ends, the queue fills up, and the next write would block forever. The SIGCONT that follows SIGHUP would
also make the driver enter application mode again, without a terminal.

Where the terminal's encoding lacks boxes and bars, ASCII of the same width takes their place.
"""

from __future__ import annotations

import os
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from functools import partial
from queue import Full
from typing import Any, Protocol, cast

from textual.app import App
from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver

from ama_tui.domain.plain_characters import encodable, is_complete

WRITE_TIMEOUT_S = 0.2


class HandlesInputFailure(Protocol):
    """The application as the driver sees it."""

    def input_failed(self, error: Exception) -> None: ...


class ResilientDriver(LinuxDriver):
    """The Linux and macOS driver, for a terminal that may disappear."""

    def __init__(self, app: App[object], **options: Any) -> None:
        super().__init__(app, **options)
        self._encoding = "utf-8" if self._file is None else self._file.encoding
        self._is_complete = is_complete(self._encoding)

    @property
    def is_lost(self) -> bool:
        """There was a terminal and it is gone."""
        return self.input_tty and not os.isatty(self.fileno)

    def write(self, data: str) -> None:
        if not self._is_complete:
            data = encodable(data, self._encoding)
        writer = self._writer_thread
        while writer is not None and writer.is_alive():
            try:
                writer._queue.put(data, timeout=WRITE_TIMEOUT_S)
            except Full:
                continue
            return

    def _run_input_thread(self) -> None:
        """Read keys; a failure is reported to the application instead of being printed by Textual."""
        try:
            linux_driver.getincrementaldecoder = self._decoder_for  # type: ignore[attr-defined,assignment]
            self.run_input_thread()
        except Exception as error:
            self._app.call_later(cast(HandlesInputFailure, self._app).input_failed, error)

    def _decoder_for(self, name: str) -> Callable[[], IncrementalDecoder]:
        """Decodes keys as the terminal encodes them; Textual's takes UTF-8 only, and ends at anything else."""
        return partial(getincrementaldecoder(self._encoding), "ignore")

    def start_application_mode(self) -> None:
        if not self.is_lost:
            super().start_application_mode()  # type: ignore[no-untyped-call]  # as the base class has it

    def close(self) -> None:
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().close()
