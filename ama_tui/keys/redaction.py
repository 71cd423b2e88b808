"""Removes keys, and anything that looks like one, from text before it is printed or written.

`without_keys` removes only complete keys that this process has loaded, so hashes stay. It stores only their digests.
`without_secrets` is for text we did not build ourselves, such as a library's error message: it removes anything that
looks like a key or part of one, in any notation.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from ama_tui.config.urls import masked_url

MASK = "…"
KEY_DIGITS = 64
MIN_PIECE = 16
"""Consecutive hexadecimal digits that count as part of a key."""

MAX_WORD = 40
"""Characters of base 64 that count as a complete key even without digits."""

_LONG_HEX = re.compile(rf"[0-9a-fA-F]{{{KEY_DIGITS},}}")
_URL = re.compile(r"(?:https?|wss?)://[^\s'\"<>]+")
_BYTES = re.compile(r"b'(?:[^'\\]|\\.)*'|b\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_NUMBERS = re.compile(r"(?:(?:0x[0-9a-fA-F]{1,2}|\d{1,3})[\s,;:]+){7,}(?:0x[0-9a-fA-F]{1,2}|\d{1,3})")
_PAIRS = re.compile(r"(?:[0-9a-fA-F]{2}[\s,;:_-]){7,}[0-9a-fA-F]{2}")
_PIECE = re.compile(rf"(?:0[xX])?[0-9a-fA-F]{{{MIN_PIECE},}}")
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_NEAR_ODD = re.compile(r"[ -~]{0,31}[^ -~\n…](?:[ -~]{0,31}[^ -~\n…])*[ -~]{0,31}")
"""Non-ASCII characters, and the text within the length of a key around them: raw bytes shown as text."""

_salt = secrets.token_bytes(16)
_loaded: set[bytes] = set()


def note_key(raw: bytes) -> None:
    """Register a private key (32 bytes) to be removed from text. Only its digest is stored."""
    _loaded.add(_digest(raw))


def without_keys(text: str) -> str:
    """Remove all registered private keys from a text, as hexadecimal digits in either case."""
    return _LONG_HEX.sub(_without_loaded, text) if _loaded else text


def without_secrets(text: str) -> str:
    """Remove everything that could be part of a key: digits, bytes, numbers, tokens, secrets in URLs."""
    text = _URL.sub(lambda match: masked_url(match[0]), text)
    for shape in (_NEAR_ODD, _BYTES, _NUMBERS, _PAIRS):
        text = shape.sub(MASK, text)
    # Tokens first: a token with only its digits removed would still reveal too much.
    return _PIECE.sub(MASK, _TOKEN.sub(_masked_token, text))


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, key=_salt, digest_size=16).digest()


def _without_loaded(match: re.Match[str]) -> str:
    digits = match[0]
    for at in range(len(digits) - KEY_DIGITS + 1):
        piece = digits[at : at + KEY_DIGITS]
        if _digest(bytes.fromhex(piece)) in _loaded:
            return without_keys(digits.replace(piece, MASK))
    return digits


def _masked_token(match: re.Match[str]) -> str:
    """Mask tokens that may be base 64: those with digits, and very long ones. Keep plain words."""
    token = match[0]
    return MASK if len(token) >= MAX_WORD or any(map(str.isdigit, token)) else token
