"""When the program itself fails: one line on the terminal, and a report on the disk that holds no secret.

A report has the traceback without the values of any variable. What an exception says of itself goes through
`without_secrets`. Nothing here raises: whatever goes wrong, something is said.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ama_tui import __version__
from ama_tui.config.paths import DIRECTORY_MODE
from ama_tui.disk.atomic import FILE_MODE
from ama_tui.keys.redaction import without_secrets

EXIT_CODE = 1
KEPT = 20
"""Reports that are kept; older ones are removed."""

_TOLD = "_ama_tui_has_told"
"""Marks an error that a report was written of."""


def report_all() -> None:
    """From now on whatever nobody catches, on any thread or event loop, is told as `tell` does it."""
    sys.excepthook = lambda kind, error, trace: tell(error)
    threading.excepthook = _of_a_thread
    sys.unraisablehook = _of_nobody
    logging.getLogger().addHandler(_LogHandler(logging.WARNING))


@contextmanager
def reported() -> Iterator[None]:
    """The same, as long as this is entered."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    handlers = list(logging.getLogger().handlers)
    report_all()
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        logging.getLogger().handlers[:] = handlers


def tell(error: BaseException) -> None:
    """Write a report and say in one line on stderr that there is one; once for an error that comes by again."""
    if _TOLD in vars(error):
        return
    vars(error)[_TOLD] = True
    said = f"ama-tui: a fault of the program ({_kind(error)}): "
    text = report_of(error)
    try:
        path = _write(text)
    except OSError:
        said += f"no report could be written, so here it is\n{text}"
    else:
        said += f"please report it with {path}, which holds no key"
    _say(said)


def report_of(error: BaseException) -> str:
    """All that may be told of an error: where it came from, and what it says of itself without what may be secret."""
    head = (
        f"ama-tui {__version__}, Python {platform.python_version()} on {platform.platform()}\n"
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, thread {threading.current_thread().name}\n\n"
    )
    try:
        lines = list(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    except Exception as failed:  # an exception whose own text raises
        lines = [f"{_kind(error)} (its traceback cannot be formatted: {_kind(failed)})\n"]
    return head + "".join(line if _is_frame(line) else without_secrets(line) for line in lines)


def report_directory() -> Path:
    """Where reports are written."""
    import platformdirs

    return platformdirs.user_state_path("ama-tui") / "crashes"


def _kind(error: BaseException) -> str:
    """The error's type and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where


def _is_frame(line: str) -> bool:
    """Is this a place in the source? What is quoted there is the program's own text, whatever it ran on."""
    return line.lstrip(" |+").startswith('File "')


def _write(text: str) -> Path:
    directory = report_directory()
    directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    path = directory / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.getpid()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    for old in sorted(directory.glob("*.txt"))[:-KEPT]:
        with suppress(OSError):
            old.unlink()
    return path


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # no stderr to say it on
        print(text, file=sys.stderr, flush=True)


def _of_a_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        tell(failed.exc_value)


def _of_nobody(failed: sys.UnraisableHookArgs) -> None:
    if failed.exc_value is not None:
        tell(failed.exc_value)


class _LogHandler(logging.Handler):
    """What libraries log, asyncio's lost exceptions among it: one line each, and a report of an exception."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            tell(error)
            return
        try:
            text = " ".join(record.getMessage().split())
        except Exception:
            text = "a warning that cannot be shown"
        _say(f"ama-tui: {record.name}: {without_secrets(text)}")
