"""Locales without UTF-8, for processes that run in one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
"""The C locale, without Python treating it as UTF-8."""


def latin_1(directory: Path) -> dict[str, str]:
    """German in ISO-8859-1, generated in this directory if the machine can; else only its encoding."""
    if shutil.which("localedef") is None:
        return {"PYTHONIOENCODING": "iso-8859-1"}
    name = "de_DE.ISO-8859-1"
    command = ["localedef", "-c", "-i", "de_DE", "-f", "ISO-8859-1", str(directory / name)]
    done = subprocess.run(command, capture_output=True, timeout=60)
    if not (directory / name).is_dir():
        raise RuntimeError(done.stderr.decode())
    return {"LC_ALL": name, "LANG": name, "LOCPATH": str(directory), "PYTHONIOENCODING": ""}
