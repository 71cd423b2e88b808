"""Reports internal errors: one line on the terminal, and a crash report on disk without secrets.

A report contains the traceback without variable values. Exception messages go through `without_secrets`.
Nothing here raises: if the report cannot be written, it is printed.
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
from types import TracebackType

from ama_tui import __version__
from ama_tui.cli.signals import INTERRUPTED, SIGNALS
from ama_tui.config.paths import DIRECTORY_MODE
from ama_tui.disk.atomic import FILE_MODE
from ama_tui.keys.redaction import without_secrets

EXIT_CODE = 1
MAX_REPORTS = 20
"""Reports to keep. Older ones are deleted."""

_REPORTED = "_ama_tui_reported"
"""Attribute that marks an error as already reported."""


def report_all() -> None:
    """Report all uncaught errors from now on, of any thread or event loop."""
    sys.excepthook = _on_error
    threading.excepthook = _on_thread_error
    sys.unraisablehook = _on_unraisable_error
    logging.getLogger().addHandler(_LogHandler(logging.WARNING))


@contextmanager
def reported() -> Iterator[None]:
    """Report all uncaught errors within this context."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    handlers = list(logging.getLogger().handlers)
    report_all()
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        logging.getLogger().handlers[:] = handlers


def report(error: BaseException) -> None:
    """Write a crash report and print one line about it on stderr. Reports each error only once."""
    if _REPORTED in vars(error):
        return
    vars(error)[_REPORTED] = True
    line = f"ama-tui: internal error ({_kind(error)}): "
    text = report_of(error)
    try:
        path = _write(text)
    except OSError:
        line += f"cannot write the crash report, so here it is\n{text}"
    else:
        line += f"please send us {path}; it contains no keys"
    _print(line)


def report_of(error: BaseException) -> str:
    """Format a crash report: version, time, and the traceback without secrets."""
    head = (
        f"ama-tui {__version__}, Python {platform.python_version()} on {platform.platform()}\n"
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, thread {threading.current_thread().name}\n\n"
    )
    try:
        lines = list(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    except Exception as failed:  # the exception's own __str__ raised
        lines = [f"{_kind(error)} (its traceback cannot be formatted: {_kind(failed)})\n"]
    return head + "".join(line if _is_frame(line) else without_secrets(line) for line in lines)


def report_directory() -> Path:
    """Directory of crash reports."""
    import platformdirs

    return platformdirs.user_state_path("ama-tui") / "crashes"


def _kind(error: BaseException) -> str:
    """The error's type and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where


def _is_frame(line: str) -> bool:
    """Whether this line is a stack frame, which quotes only our source code."""
    return line.lstrip(" |+").startswith('File "')


def _write(text: str) -> Path:
    directory = report_directory()
    directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    path = directory / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.getpid()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    for old in sorted(directory.glob("*.txt"))[:-MAX_REPORTS]:
        with suppress(OSError):
            old.unlink()
    return path


def _print(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # no usable stderr
        print(text, file=sys.stderr, flush=True)


def _on_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    report(error)


def _on_thread_error(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        report(failed.exc_value)


def _on_unraisable_error(failed: sys.UnraisableHookArgs) -> None:
    if isinstance(failed.exc_value, KeyboardInterrupt):
        SIGNALS.again()
    elif failed.exc_value is not None:
        report(failed.exc_value)


class _LogHandler(logging.Handler):
    """Prints what libraries log as one line each, and reports exceptions (also those lost in asyncio)."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            report(error)
            return
        try:
            text = " ".join(record.getMessage().split())
        except Exception:
            text = "a warning that cannot be formatted"
        _print(f"ama-tui: {record.name}: {without_secrets(text)}")
