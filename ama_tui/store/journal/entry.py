"""One journal line: its fields, writing and parsing.

Our lines end in a checksum: `…,"seq":7,"intentId":"…","crc":1234}`. The crc is the CRC-32 of the line's bytes before
`,"crc":`. A line with any of these three keys must have the right checksum; the original tool's lines have none of
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from zlib import crc32

import orjson

from ama_tui.store.json_fields import ShapeError, as_integer, compact, is_exact, is_shallow, parse_object


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
        seq = self.seq if seq is None else seq
        whole: dict[str, object] = {
            "ts": self.ts,
            "runId": self.run_id,
            "chainId": self.chain_id,
            "orderBook": self.order_book,
            "marketIdBytes32": self.market_id,
            "trader": self.trader,
        }
        if self.nickname is not None:
            whole["nickname"] = self.nickname
        if self.role is not None:
            whole["role"] = self.role
        whole["action"] = self.action
        if self.params is not None:
            whole["params"] = self.params
        if self.tx_hash is not None:
            whole["txHash"] = self.tx_hash
        if self.error is not None:
            whole["error"] = self.error
        whole.update(self.extra)
        if seq is not None:
            whole["seq"] = seq
        if self.intent_id is not None:
            whole["intentId"] = self.intent_id
        text = compact(whole)
        if seq is None and self.intent_id is None:
            return text + b"\n"
        covered = text[:-1]
        return b'%b,"crc":%d}\n' % (covered, crc32(covered))


_FIELD_OF_KEY: Mapping[str, tuple[str, type, bool]] = {
    "ts": ("ts", int, False),
    "runId": ("run_id", str, False),
    "chainId": ("chain_id", int, False),
    "orderBook": ("order_book", str, True),
    "marketIdBytes32": ("market_id", str, True),
    "trader": ("trader", str, True),
    "nickname": ("nickname", str, False),
    "role": ("role", str, False),
    "action": ("action", str, False),
    "params": ("params", dict, False),
    "txHash": ("tx_hash", str, False),
    "error": ("error", str, False),
}
"""The entry's field, the type of its value, and whether it is hexadecimal."""
_UNSAID: Mapping[str, object] = {"run_id": "", "chain_id": 0, "order_book": "", "market_id": "", "trader": ""}
_CHECKED = frozenset({"seq", "intentId", "crc"})
CRC = b',"crc":'
_CRC_END = re.compile(rb',"crc":(0|[1-9][0-9]{0,9})}\n?\Z')

RawLine = dict[str, object]
"""A line as JSON, its checksum and the types of `ts`, `action`, `seq` and `intentId` checked."""


def parse_line(line: bytes) -> JournalEntry:
    """Parse a line, tolerant of the original tool's; `ts` and `action` are required.

    Raises ShapeError, also for a line of ours with a wrong checksum.
    """
    return entry_of(parse_raw(line))


def parse_raw(line: bytes) -> RawLine:
    """Parse and check a line without making an entry of it. Raises ShapeError."""
    raw = parse_object(line)
    if not _CHECKED.isdisjoint(raw):
        _check(line, raw)
    if as_integer(raw.get("ts")) is None or not isinstance(raw.get("action"), str):
        raise ShapeError("not a journal line: no ts or no action")
    return raw


def parse_own(line: bytes, seq: int | None = None) -> RawLine | None:
    """Parse a whole line of ours, numbered `seq` if given; None for any other, which `parse_raw` checks."""
    raw = check_own(line, seq)
    return raw if raw is not None and is_exact(line, raw) else None


def check_own(line: bytes, seq: int | None = None) -> RawLine | None:
    """The same for checking: integers of more than 64 bits may have become floats."""
    at = line.rfind(CRC)
    if at < 0 or not line.endswith(b"}\n") or not line[at + len(CRC) : -2].isdigit() or not is_shallow(line):
        return None
    try:
        raw: RawLine = orjson.loads(line)
    except ValueError:
        return None
    number = raw.get("seq")
    if (
        raw.get("crc") != crc32(line[:at])
        or type(number) is not int
        or (number != seq if seq is not None else number < 1)
        or type(raw.get("intentId", "")) is not str
        or type(raw.get("ts")) is not int
        or type(raw.get("action")) is not str
    ):
        return None
    return raw


def seq_of(raw: RawLine) -> int | None:
    """The number of a checked line, None for another tool's."""
    seq = raw.get("seq")
    return seq if isinstance(seq, int) else None


def entry_of(raw: RawLine) -> JournalEntry:
    """The entry of a checked line."""
    fields: dict[str, object] = {}
    extra: dict[str, object] = {}
    for key, value in raw.items():
        known = _FIELD_OF_KEY.get(key)
        if known is None:
            if key not in _CHECKED:
                extra[key] = value
        elif type(value) is known[1]:
            fields[known[0]] = value.lower() if known[2] else value  # type: ignore[attr-defined]  # hexadecimal text
        elif key == "ts":
            fields["ts"] = as_integer(value)
        else:
            extra[key] = value
    fields["seq"], fields["intent_id"] = raw.get("seq"), raw.get("intentId")
    return JournalEntry(**{**_UNSAID, **fields}, extra=extra)  # type: ignore[arg-type]  # the types were checked above


def _check(line: bytes, raw: RawLine) -> None:
    """Check the checksum, the number and the intent id of a line of ours."""
    end = _CRC_END.search(line)
    if end is None:
        raise ShapeError("it does not end with a crc")
    if crc32(line[: end.start()]) != int(end[1]):
        raise ShapeError("its crc does not match")
    seq, intent_id = raw.get("seq"), raw.get("intentId")
    if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or seq < 1):
        raise ShapeError("its seq is not a number from 1")
    if intent_id is not None and not isinstance(intent_id, str):
        raise ShapeError("its intentId is not a string")
