"""What keeps others from looking into a process that holds keys: no core dumps, no variables that make it talk."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ama_tui.domain.errors import ConfigError

_PR_SET_DUMPABLE = 4

DEBUG_VARIABLES: Mapping[str, str] = {
    "TEXTUAL": "lets another program watch the dashboard, or hides it",
    "TEXTUAL_DEBUG": "makes the dashboard tell more than it should",
    "TEXTUAL_LOG": "writes what the dashboard does into a file",
    "TEXTUAL_DEVTOOLS_HOST": "sends what the dashboard does to another program",
    "TEXTUAL_DEVTOOLS_PORT": "sends what the dashboard does to another program",
    "TEXTUAL_DRIVER": "runs other code in the place of the terminal's",
    "TEXTUAL_PRESS": "types keys into the dashboard",
    "TEXTUAL_SCREENSHOT": "takes a picture of the dashboard and ends it",
    "TEXTUAL_SCREENSHOT_FILENAME": "takes pictures of the dashboard",
    "TEXTUAL_SCREENSHOT_LOCATION": "takes pictures of the dashboard",
    "TEXTUAL_SHOW_RETURN": "prints values of the program",
    "PYTHONASYNCIODEBUG": "prints values of the program",
    "PYTHONDEVMODE": "prints values of the program",
    "PYTHONINSPECT": "leaves an interpreter open beside the keys",
    "PYTHONDUMPREFS": "prints every value of the program",
    "PYTHONDUMPREFSFILE": "writes every value of the program into a file",
    "SSLKEYLOGFILE": "writes the keys of encrypted connections into a file",
}
"""Variables of Textual, Python and OpenSSL that could show what a process does with keys, and what each does.

PYTHONFAULTHANDLER is none of them: it prints places in the source and no value.
"""


def forbid_core_dumps() -> None:
    """Nothing of this process's memory goes to a file when it dies, nor to another process of the same user.

    The limit does for plain core files. Where a crash handler takes cores through a pipe the kernel passes over the
    limit, so on Linux the process is marked as not dumpable besides; as the system allows it.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def refuse_debugging(environ: Mapping[str, str], *, is_allowed: bool) -> None:
    """Raises ConfigError where a debug variable is set, unless `--allow-debug` is given."""
    if is_allowed:
        return
    found = [name for name in DEBUG_VARIABLES if environ.get(name)]
    if sys.flags.dev_mode and "PYTHONDEVMODE" not in found:
        found.append("PYTHONDEVMODE")
    if sys.flags.inspect and "PYTHONINSPECT" not in found:
        found.append("PYTHONINSPECT")
    if found:
        raise ConfigError(
            f"{' and '.join(found)} may not be set while real keys are loaded: it {DEBUG_VARIABLES[found[0]]}",
            "unset it, or add --allow-debug",
        )
