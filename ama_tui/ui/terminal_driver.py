"""A terminal that may be lost: writing to it never blocks, so that the run can still be stopped in good order.

Textual's driver hands its output to a thread over a bounded queue. When the terminal goes away that thread
ends, the queue fills, and the next write would wait for ever; and the SIGCONT that follows SIGHUP would make
the driver enter application mode again on nothing.
"""

from __future__ import annotations

import os
from queue import Full
from typing import Protocol, cast

from textual.drivers.linux_driver import LinuxDriver

PATIENCE_S = 0.2


class HandlesInputFailure(Protocol):
    """The application that a driver reports to."""

    def input_failed(self, error: Exception) -> None: ...


class ResilientDriver(LinuxDriver):
    """The Linux and macOS driver, for a terminal that may be gone."""

    @property
    def is_lost(self) -> bool:
        """Was there a terminal, and is it gone?"""
        return self.input_tty and not os.isatty(self.fileno)

    def write(self, data: str) -> None:
        writer = self._writer_thread
        while writer is not None and writer.is_alive():
            try:
                writer._queue.put(data, timeout=PATIENCE_S)
            except Full:
                continue
            return

    def _run_input_thread(self) -> None:
        """Read keys until the end; what fails here is told to the application and not shown as Textual would."""
        try:
            self.run_input_thread()
        except Exception as error:
            self._app.call_later(cast(HandlesInputFailure, self._app).input_failed, error)

    def start_application_mode(self) -> None:
        if not self.is_lost:
            super().start_application_mode()  # type: ignore[no-untyped-call]  # as the base class has it

    def close(self) -> None:
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().close()
