"""Stands in for characters that a terminal's encoding lacks: ASCII of the same width, so that columns stay in line."""

from __future__ import annotations

import codecs
import unicodedata

ERRORS = "ama_tui.ascii"
"""The name of the encoding error handler that writes the substitutes."""

_SUBSTITUTES = {
    **dict.fromkeys("─━┄┅┈┉╌╍═╴╶╸╺‐‑‒–—―−", "-"),
    **dict.fromkeys("│┃┆┇┊┋╎╏║╵╷╹╻‖", "|"),
    **dict.fromkeys("▏▎▍▌▕▐", "|"),
    **dict.fromkeys("█▉▊▋▇▆▓▒■▣", "#"),
    **dict.fromkeys("▅▄▃▀", "="),
    **dict.fromkeys("▁▂░", "_"),
    **dict.fromkeys("→›▸▶»", ">"),
    **dict.fromkeys("←‹◂◀«", "<"),
    **dict.fromkeys("↑▲▴", "^"),
    **dict.fromkeys("↓▼▾", "v"),
    **dict.fromkeys("●◉◕", "@"),
    **dict.fromkeys("○□", "o"),
    **dict.fromkeys("◌·…•", "."),
    **dict.fromkeys("◔◐◑", "%"),
    **dict.fromkeys("✓✔", "+"),
    **dict.fromkeys("✗✘×", "x"),
    **dict.fromkeys("‘’′", "'"),
    **dict.fromkeys("“”″", '"'),
    "⚠": "!",
    "␣": "_",
    "⏎": "<",
    "±": "~",
}


def plain(character: str) -> str:
    """ASCII that takes the place of a character: one `?` per column where nothing looks like it, '' for no column."""
    if character in _SUBSTITUTES:
        return _SUBSTITUTES[character]
    code = ord(character)
    if 0x2500 <= code <= 0x257F:
        return "+"  # the corners and crossings of boxes
    if 0x2800 <= code <= 0x28FF:
        return " ..::++##"[(code - 0x2800).bit_count()]  # a cell of eight dots
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return ""
    if unicodedata.east_asian_width(character) in "WF":
        return "??"
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base.isascii() and base.isprintable() else "?"


def encodable(text: str, encoding: str) -> str:
    """The text with substitutes for what the encoding lacks."""
    return text.encode(encoding, ERRORS).decode(encoding)


def is_complete(encoding: str) -> bool:
    """Whether an encoding has every character that the program shows."""
    return codecs.lookup(encoding).name.startswith("utf")


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _substitute)
