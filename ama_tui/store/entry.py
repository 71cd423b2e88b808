"""One line of the journal: its fields, how it is written and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ama_tui.store.fields import ShapeError, as_integer, parse_object


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One action. `ts` is Unix milliseconds; addresses are in lower case.

    `action` is one of `domain.event.Action`'s values, or a name that only another tool knows. Integers in
    `params` are decimal strings. `extra` holds the keys that are not ours, and those of ours whose value is
    not of our kind.
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

    def as_line(self) -> bytes:
        """The whole line with its newline; ASCII, so that a line is cut nowhere but at its end."""
        values = {key: getattr(self, name) for key, name in _NAME_OF_KEY.items()}
        known = {key: value for key, value in values.items() if value is not None or key not in _OPTIONAL}
        whole = known | dict(self.extra)
        return json.dumps(whole, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


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


def parse_line(line: bytes) -> JournalEntry:
    """The entry on a line, tolerant of what the original tool writes; it must have `ts` and `action`.

    Raises ShapeError.
    """
    raw = parse_object(line)
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
    return JournalEntry(**{**_UNSAID, **fields, "extra": extra})  # type: ignore[arg-type]  # kinds checked above
