"""Prepares the process: no core dumps, no debug variables, enough open files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress

from ama_tui.domain.errors import ConfigError

_PR_SET_DUMPABLE = 4
OPEN_FILES = 4096
"""Enough for a connection for each wallet of a large fleet."""

DEBUG_VARIABLES: Mapping[str, str] = {
    "TEXTUAL": "lets another program watch or hide the dashboard",
    "TEXTUAL_DEBUG": "makes the dashboard log internals",
    "TEXTUAL_LOG": "logs the dashboard to a file",
    "TEXTUAL_DEVTOOLS_HOST": "sends dashboard logs to another program",
    "TEXTUAL_DEVTOOLS_PORT": "sends dashboard logs to another program",
    "TEXTUAL_DRIVER": "replaces the terminal driver with other code",
    "TEXTUAL_PRESS": "types keys into the dashboard",
    "TEXTUAL_SCREENSHOT": "takes a screenshot of the dashboard and quits",
    "TEXTUAL_SCREENSHOT_FILENAME": "takes screenshots of the dashboard",
    "TEXTUAL_SCREENSHOT_LOCATION": "takes screenshots of the dashboard",
    "TEXTUAL_SHOW_RETURN": "prints internal values",
    "PYTHONASYNCIODEBUG": "prints internal values",
    "PYTHONDEVMODE": "prints internal values",
    "PYTHONINSPECT": "leaves an interpreter open that can read keys",
    "PYTHONDUMPREFS": "prints all internal values",
    "PYTHONDUMPREFSFILE": "writes all internal values to a file",
    "SSLKEYLOGFILE": "writes TLS session keys to a file",
}
"""Variables of Textual, Python and OpenSSL that could expose keys, and what each does.

PYTHONFAULTHANDLER is allowed: it prints source locations, no values.
"""


def forbid_core_dumps() -> None:
    """Keep this process's memory from core files and from other processes of the same user.

    The resource limit prevents plain core files. The kernel ignores it if cores are piped to a crash handler, so on
    Linux the process is also marked as not dumpable.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_many_files() -> None:
    """Raise the number of files that the process may open, as far as the system lets it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # then fewer requests run side by side
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def refuse_debugging(environ: Mapping[str, str], *, is_allowed: bool) -> None:
    """Raise ConfigError if a debug variable is set, unless `--allow-debug` is given."""
    if is_allowed:
        return
    names = [name for name in DEBUG_VARIABLES if environ.get(name)]
    if sys.flags.dev_mode and "PYTHONDEVMODE" not in names:
        names.append("PYTHONDEVMODE")
    if sys.flags.inspect and "PYTHONINSPECT" not in names:
        names.append("PYTHONINSPECT")
    if names:
        raise ConfigError(
            f"{' and '.join(names)} must not be set while real keys are loaded: it {DEBUG_VARIABLES[names[0]]}",
            "unset it or add --allow-debug",
        )
