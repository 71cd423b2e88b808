"""The last net under every text that is printed or written down: what may be a part of a key is taken out of it.

Two meshes. `without_keys` takes out the keys that this process has loaded, whole, and nothing else: hashes stay. It
knows them by a digest only. `without_secrets` is for text that nobody of us has worded, such as what a library says
when it fails: it takes out whatever has the shape of a key or of a part of one, in any notation.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from ama_tui.config.urls import masked_url

MASK = "…"
KEY_DIGITS = 64
SHORTEST_PIECE = 16
"""Hexadecimal digits in a row that may be a part of a key."""
WHOLE_TOKEN = 40
"""Characters of base 64 that may be a whole key."""

_LONG_HEX = re.compile(rf"[0-9a-fA-F]{{{KEY_DIGITS},}}")
_URL = re.compile(r"https?://[^\s'\"<>]+")
_BYTES = re.compile(r"b'(?:[^'\\]|\\.)*'|b\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_NUMBERS = re.compile(r"(?:(?:0x[0-9a-fA-F]{1,2}|\d{1,3})[\s,;:]+){7,}(?:0x[0-9a-fA-F]{1,2}|\d{1,3})")
_PAIRS = re.compile(r"(?:[0-9a-fA-F]{2}[\s,;:_-]){7,}[0-9a-fA-F]{2}")
_PIECE = re.compile(rf"(?:0[xX])?[0-9a-fA-F]{{{SHORTEST_PIECE},}}")
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_NEAR_ODD = re.compile(r"[ -~]{0,31}[^ -~\n…](?:[ -~]{0,31}[^ -~\n…])*[ -~]{0,31}")
"""Characters that are no plain text, with what stands within the length of a key around them: bytes read as text."""

_salt = secrets.token_bytes(16)
_loaded: set[bytes] = set()


def note_key(raw: bytes) -> None:
    """Remember a private key of 32 bytes, by a digest, as one that must never be shown."""
    _loaded.add(_digest(raw))


def without_keys(text: str) -> str:
    """The text without any private key that this process has loaded, in hexadecimal digits of either case."""
    return _LONG_HEX.sub(_without_loaded, text) if _loaded else text


def without_secrets(text: str) -> str:
    """The text without anything that could be a key or a part of one: digits, bytes, numbers, tokens, URLs' secrets."""
    text = _URL.sub(lambda found: masked_url(found[0]), text)
    for shape in (_NEAR_ODD, _BYTES, _NUMBERS, _PAIRS):
        text = shape.sub(MASK, text)
    # Tokens first: what is left of one of which only the digits were taken out would say too much.
    return _PIECE.sub(MASK, _TOKEN.sub(_without_digits, text))


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, key=_salt, digest_size=16).digest()


def _without_loaded(found: re.Match[str]) -> str:
    digits = found[0]
    for at in range(len(digits) - KEY_DIGITS + 1):
        piece = digits[at : at + KEY_DIGITS]
        if _digest(bytes.fromhex(piece)) in _loaded:
            return without_keys(digits.replace(piece, MASK))
    return digits


def _without_digits(found: re.Match[str]) -> str:
    """A long token with digits in it may be a part of a key in base 64, a very long one in any case; a word is not."""
    token = found[0]
    return MASK if len(token) >= WHOLE_TOKEN or any(map(str.isdigit, token)) else token
