"""Corrupts JSON-RPC responses: returns the same body with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson

from ama_tui.localnet.faults.injector import Strike

ERRORS = (
    (-32000, "header not found"),
    (-32000, "execution timeout"),
    (-32005, "limit exceeded"),
    (-32603, "internal error"),
)
_Entry = dict[str, Any]


def corrupt(strike: Strike, body: bytes) -> bytes:
    """The response with the strike's fault applied. An empty response stays empty."""
    if not body:
        return body
    reply = orjson.loads(body)
    entries: list[_Entry] = reply if isinstance(reply, list) else [reply]
    CORRUPTIONS[strike.fault](entries, strike.rng)
    return orjson.dumps(entries if isinstance(reply, list) else entries[0])


def _error(entries: list[_Entry], rng: Random) -> None:
    entry = rng.choice(entries)
    code, message = rng.choice(ERRORS)
    entry.pop("result", None)
    entry["error"] = {"code": code, "message": message}


def _empty(entries: list[_Entry], rng: Random) -> None:
    entry = rng.choice(entries)
    if "result" in entry:
        empty_values = {str: "0x", list: []}
        entry["result"] = next(
            (empty for kind, empty in empty_values.items() if isinstance(entry["result"], kind)), None
        )


def _truncated(entries: list[_Entry], rng: Random) -> None:
    """Cut off hex data. Short numbers would turn into other numbers, so they are emptied, as is anything else."""
    entry = rng.choice(entries)
    result = entry.get("result")
    if isinstance(result, str) and len(result) >= 66:
        entry["result"] = result[: rng.randrange(2, len(result))]
    else:
        _empty([entry], rng)


def _shuffled(entries: list[_Entry], rng: Random) -> None:
    """Rotate the batch, so no response is in its place."""
    offset = rng.randrange(1, max(2, len(entries)))
    entries[:] = entries[offset:] + entries[:offset]


def _missing(entries: list[_Entry], rng: Random) -> None:
    entries.pop(rng.randrange(len(entries)))


CORRUPTIONS: dict[str, Callable[[list[_Entry], Random], None]] = {
    "rpc_error": _error,
    "rpc_empty": _empty,
    "rpc_truncated": _truncated,
    "batch_shuffled": _shuffled,
    "batch_missing": _missing,
}
