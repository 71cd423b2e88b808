"""How much the long tests do: a sample by default, everything with `AMA_TUI_LONG=1`."""

from __future__ import annotations

import os


def size(short: int, long: int) -> int:
    return long if os.environ.get("AMA_TUI_LONG") == "1" else short
