"""Stands in for characters that a terminal's encoding lacks: ASCII of the same width, so that columns stay in line."""

from __future__ import annotations

import codecs
import unicodedata
from encodings import ascii as ascii_codec

ERRORS = "ama_tui.ascii"
"""The name of the encoding error handler that writes the substitutes."""

PLAIN_ASCII = "plain-ascii"
"""ASCII under another name, because click takes ASCII for a mistake and writes UTF-8 instead."""

_SUBSTITUTES = {
    **dict.fromkeys("─━┄┅┈┉╌╍═╴╶╸╺‐‑‒–—―−", "-"),
    **dict.fromkeys("│┃┆┇┊┋╎╏║╵╷╹╻‖", "|"),
    **dict.fromkeys("▏▕▐", "|"),
    **dict.fromkeys("█▉▊▋▇▆▓▒■▣", "#"),
    **dict.fromkeys("▅▄▃▀▎▍▌", "="),
    **dict.fromkeys("▁▂░", "_"),
    **dict.fromkeys("→›▸▶»", ">"),
    **dict.fromkeys("←‹◂◀«", "<"),
    **dict.fromkeys("↑▲▴", "^"),
    **dict.fromkeys("↓▼▾", "v"),
    **dict.fromkeys("●◉◕", "@"),
    **dict.fromkeys("○□", "o"),
    **dict.fromkeys("◌·•", "."),
    "…": "~",
    **dict.fromkeys("◔◐◑", "%"),
    **dict.fromkeys("✓✔", "+"),
    **dict.fromkeys("✗✘×", "x"),
    **dict.fromkeys("‘’′", "'"),
    **dict.fromkeys("“”″", '"'),
    "⚠": "!",
    "␣": "_",
    "⏎": "<",
    "±": "+",
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


def is_ascii(encoding: str) -> bool:
    """Whether it is ASCII, whatever it is called."""
    return codecs.lookup(encoding).name == "ascii"


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    if name != PLAIN_ASCII.replace("-", "_"):
        return None
    codec = ascii_codec.Codec()
    return codecs.CodecInfo(
        codec.encode,
        codec.decode,
        incrementalencoder=ascii_codec.IncrementalEncoder,
        incrementaldecoder=ascii_codec.IncrementalDecoder,
        name=PLAIN_ASCII,
    )


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end


codecs.register(_plain_ascii)
codecs.register_error(ERRORS, _substitute)
