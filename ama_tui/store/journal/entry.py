"""One journal line: its fields, writing and parsing.

Our lines end in a checksum: `…,"seq":7,"intentId":"…","crc":1234}`. The crc is the CRC-32 of the line's bytes before
`,"crc":`. A line with any of these three keys must have the right checksum; the original tool's lines have none of
them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from zlib import crc32

from ama_tui.store.json_fields import ShapeError, as_integer, parse_object


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One action. `ts` is Unix milliseconds; addresses are lower case.

    `action` is one of `domain.event.Action`'s values, or a name only another tool knows. Integers in `params` are
    decimal strings. `extra` holds unknown keys, and known ones with a value of the wrong type. `intent_id` links an
    intent to its outcomes. `seq` counts our lines from 1 without a gap; the journal assigns it.
    """

    ts: int
    run_id: str
    chain_id: int
    order_book: str
    market_id: str
    trader: str
    action: str
    nickname: str | None = None
    role: str | None = None
    params: Mapping[str, object] | None = None
    tx_hash: str | None = None
    error: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    seq: int | None = None
    intent_id: str | None = None

    def as_line(self, seq: int | None = None) -> bytes:
        """The whole line with its newline, numbered `seq` if given; ASCII, so that a truncated one never parses."""
        values = {key: getattr(self, name) for key, name in _NAME_OF_KEY.items()}
        known = {key: value for key, value in values.items() if value is not None or key not in _OPTIONAL}
        ours = {"seq": self.seq if seq is None else seq, "intentId": self.intent_id}
        checked = {key: value for key, value in ours.items() if value is not None}
        whole = known | dict(self.extra) | checked
        text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode("ascii")
        if not checked:
            return text + b"\n"
        covered = text[:-1]
        return b'%b,"crc":%d}\n' % (covered, crc32(covered))


_NAME_OF_KEY: Mapping[str, str] = {
    "ts": "ts",
    "runId": "run_id",
    "chainId": "chain_id",
    "orderBook": "order_book",
    "marketIdBytes32": "market_id",
    "trader": "trader",
    "nickname": "nickname",
    "role": "role",
    "action": "action",
    "params": "params",
    "txHash": "tx_hash",
    "error": "error",
}
_OPTIONAL = frozenset({"nickname", "role", "params", "txHash", "error"})
_HEXADECIMAL = frozenset({"orderBook", "marketIdBytes32", "trader"})
_KIND_OF_KEY: Mapping[str, type] = {"ts": int, "chainId": int, "params": dict}
_UNSAID: Mapping[str, object] = {"run_id": "", "chain_id": 0, "order_book": "", "market_id": "", "trader": ""}
_CHECKED = ("seq", "intentId", "crc")
_CRC_END = re.compile(rb',"crc":(0|[1-9][0-9]{0,9})}\n?\Z')


def parse_line(line: bytes) -> JournalEntry:
    """Parse a line, tolerant of the original tool's; `ts` and `action` are required.

    Raises ShapeError, also for a line of ours with a wrong checksum.
    """
    raw = parse_object(line)
    checked = _pop_checked_fields(line, raw)
    ts = as_integer(raw.get("ts"))
    action = raw.get("action")
    if ts is None or not isinstance(action, str):
        raise ShapeError("not a journal line: no ts or no action")
    fields: dict[str, object] = {"ts": ts, "action": action}
    for key, name in _NAME_OF_KEY.items():
        value = raw.get(key)
        if isinstance(value, _KIND_OF_KEY.get(key, str)) and not isinstance(value, bool):
            fields.setdefault(name, value.lower() if isinstance(value, str) and key in _HEXADECIMAL else value)
    used = {key for key, name in _NAME_OF_KEY.items() if name in fields}
    extra = {key: value for key, value in raw.items() if key not in used}
    return JournalEntry(**{**_UNSAID, **fields, **checked, "extra": extra})  # type: ignore[arg-type]  # the types were checked above


def _pop_checked_fields(line: bytes, raw: dict[str, object]) -> dict[str, object]:
    """Pop `seq`, `intentId` and `crc` from a line's keys; empty for another tool's line."""
    taken = {key: raw.pop(key) for key in _CHECKED if key in raw}
    if not taken:
        return {}
    end = _CRC_END.search(line)
    if end is None:
        raise ShapeError("it does not end with a crc")
    if crc32(line[: end.start()]) != int(end[1]):
        raise ShapeError("its crc does not match")
    seq, intent_id = taken.get("seq"), taken.get("intentId")
    if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or seq < 1):
        raise ShapeError("its seq is not a number from 1")
    if intent_id is not None and not isinstance(intent_id, str):
        raise ShapeError("its intentId is not a string")
    return {"seq": seq, "intent_id": intent_id}
