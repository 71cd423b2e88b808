"""Searching output and files for keys, in every notation a key could have there."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

DIGITS = 16
"""This many consecutive hexadecimal digits of a key must never appear."""
OCTETS = DIGITS // 2

_HEX_RUN = re.compile(rb"[0-9a-fA-F]{%d,}" % DIGITS)
_SPACED_RUN = re.compile(rb"(?:(?:0x)?[0-9a-fA-F]{2}[\s,;:_-]{1,2}){%d,}(?:0x)?[0-9a-fA-F]{2}" % (OCTETS - 1))
_NUMBER_RUN = re.compile(rb"(?:\d{1,3}[\s,;]{1,2}){%d,}\d{1,3}" % (OCTETS - 1))
_DECIMAL = re.compile(rb"\d{%d,}" % DIGITS)
_BYTES = re.compile(rb"b'(?:[^'\\]|\\.)*'|b\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


def traces(said: bytes, keys: Iterable[bytes]) -> list[str]:
    """The notations in which pieces of these 32-byte keys occur in the output; empty if none do.

    Looked for are any 16 consecutive hexadecimal digits in either case (also in pairs, and as numbers from 0 to 255),
    any 8 consecutive bytes as they are, as Python writes them, or in UTF-8 from Latin-1, any such piece in base 64,
    and the whole key as a decimal number.
    """
    return [f"key {number} {how}" for number, key in enumerate(keys) for how in _traces(said, key)]


def traces_below(directory: Path, keys: Iterable[bytes]) -> list[str]:
    """The same for the names and contents of all files below a directory."""
    known = list(keys)
    found = []
    for path in sorted(directory.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found += [f"{path}: {one}" for one in traces(str(path).encode() + b"\n" + content, known)]
    return found


def _traces(said: bytes, key: bytes) -> Iterator[str]:
    pieces = _pieces(key)
    if any(piece in said for piece in pieces):
        yield "as raw bytes"
    if any(piece.decode("latin-1").encode() in said for piece in pieces):
        yield "as text"
    if any(piece in quoted for quoted in _quoted(said) for piece in pieces):
        yield "as a bytes literal"
    for name, digits in _digit_runs(said):
        if any(piece in digits for piece in _hex_pieces(key)):
            yield name
            break
    if any(piece in said for piece in _base64_pieces(key)):
        yield "in base 64"
    number = str(int.from_bytes(key, "big")).encode()
    if any(number in run for run in _DECIMAL.findall(said)):
        yield "as a decimal number"


def _digit_runs(said: bytes) -> Iterator[tuple[str, bytes]]:
    for run in _HEX_RUN.findall(said):
        yield "as hexadecimal digits", run.lower()
    for run in _SPACED_RUN.findall(said):
        yield "as hexadecimal pairs", re.sub(rb"0x|[^0-9a-fA-F]", b"", run).lower()
    for run in _NUMBER_RUN.findall(said):
        with suppress(ValueError):
            yield "as numbers", bytes(int(one) for one in re.findall(rb"\d+", run)).hex().encode()


def _quoted(said: bytes) -> Iterator[bytes]:
    for literal in _BYTES.findall(said):
        with suppress(ValueError, SyntaxError):
            value = ast.literal_eval(literal.decode("ascii", "backslashreplace"))
            if isinstance(value, bytes):
                yield value


@lru_cache(4096)
def _pieces(key: bytes) -> tuple[bytes, ...]:
    return tuple(key[at : at + OCTETS] for at in range(len(key) - OCTETS + 1))


@lru_cache(4096)
def _hex_pieces(key: bytes) -> tuple[bytes, ...]:
    digits = key.hex().encode()
    return tuple(digits[at : at + DIGITS] for at in range(len(digits) - DIGITS + 1))


@lru_cache(4096)
def _base64_pieces(key: bytes) -> tuple[bytes, ...]:
    """The part of any 8 bytes of the key in base 64 that is the same wherever they begin in a longer text."""
    found = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for skip in range(3):
            text = encode(b"\0" * skip + key)
            begins = (8 * skip + 5) // 6
            ends = (8 * (skip + len(key))) // 6
            whole = text[begins:ends]
            found |= {whole[at : at + 10] for at in range(len(whole) - 9)}
    return tuple(found)
