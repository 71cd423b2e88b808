"""Bodies that are almost valid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson

JUNK: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2**53 + 1,
    2**64 - 1,
    "",
    "0x",
    "0x" + "f" * 64,
    "0x" + "g" * 40,
    "-1",
    "1e9",
    "NaN",
    "Infinity",
    "9" * 400,
    "\x1b[2J\n",
    "[/bold]",
    "\u202e",
    [],
    {},
    [None],
    {"error": {"message": []}},
    "x" * 5_000,
)
RAW = (b"", b"\0", b"<html>\n", b"\xff\xfe", b"nul", b"[" * 2_000, b'{"a":' * 500, b'"\\ud800"', b"NaN", b"1" * 400)


def broken(good: object, count: int, seed: int) -> Iterator[bytes]:
    """Bodies that are almost `good`: a value replaced, a key lost, bytes cut, flipped or inserted."""
    chance = random.Random(seed)
    yield from RAW
    for _ in range(count):
        body = orjson.loads(orjson.dumps(good))
        how = chance.randrange(5)
        if how <= 2:
            for _ in range(chance.randint(1, 3)):
                body = _replaced(body, chance)
            yield orjson.dumps(body)
            continue
        yield mangled(orjson.dumps(body), chance)


def mangled(good: bytes, chance: random.Random) -> bytes:
    """A text cut somewhere, or with a few bytes replaced."""
    raw = bytearray(good)
    if chance.random() < 0.5:
        del raw[chance.randrange(len(raw) + 1) :]
    else:
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def broken_text(good: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Files that are almost `good`: cut, flipped, with lines lost, duplicated or replaced by junk."""
    chance = random.Random(seed)
    yield from RAW
    for _ in range(count):
        lines = good.splitlines(keepends=True)
        how = chance.randrange(4)
        at = chance.randrange(len(lines))
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(at, chance.choice([*lines, *RAW]))
        elif how == 2:
            lines[at] = lines[at].replace(b"=", chance.choice([b"", b"==", b" = '", b'="']))
        yield b"".join(lines) if how < 3 else mangled(good, chance)


def _replaced(value: Any, chance: random.Random) -> Any:
    if not value or not isinstance(value, dict | list) or chance.random() < 0.15:
        return deepcopy(chance.choice(JUNK))  # a later replacement may change its inside
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if chance.random() < 0.15:
        del value[key]
    else:
        value[key] = _replaced(value[key], chance)
    return value
