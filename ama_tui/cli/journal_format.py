"""Format journal entries for reading and for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ama_tui.domain.money import AMOUNT_UNIT, PRICE_UNIT
from ama_tui.store.journal.entry import JournalEntry, RawLine, entry_of
from ama_tui.store.json_fields import as_integer, compact, iso_utc

_COLUMNS = (
    *("seq", "time", "ts", "runId", "chainId", "orderBook", "marketIdBytes32", "trader", "nickname", "role"),
    *("action", "intentId", "txHash", "error", "params"),
)
_KINDS: tuple[tuple[type, ...], ...] = (
    *((int,), (int,), (str,), (int,), (str,), (str,), (str,), (str, type(None)), (str, type(None))),
    *((str,), (str, type(None)), (str, type(None)), (str, type(None)), (dict, type(None))),
)
"""What stands in the columns of an ordinary line, but for `time`."""


class _Echo:
    """A file whose `write` returns the text, and so does `writerow`."""

    def write(self, text: str) -> str:
        return text


_CSV = csv.writer(_Echo(), lineterminator="\n")
_FORMULA = ("=", "+", "-", "@")
_MAYBE_FORMULAS = tuple("," + begin for begin in _FORMULA)


def format_entry(entry: JournalEntry) -> str:
    """`2025-01-01T00:00:00.250Z  alice  PLACE_LIMIT  sell L3 0.184 @ 2500.52 mined  0x12…`."""
    params = entry.params or {}
    words = [_text(params, key) for key in ("method", "text", "reason", "side")]
    level, order, moved = (_text(params, key) for key in ("level", "orderId", "oldOrderId"))
    words += [f"L{level}" if level else "", f"order {order}" if order else "", f"moves {moved}" if moved else ""]
    amount18, price6 = as_integer(params.get("amount")), as_integer(params.get("price"))
    words += ["" if amount18 is None else f"{amount18 / AMOUNT_UNIT:.6g}"]
    words += ["" if price6 is None else f"@ {price6 / PRICE_UNIT:.10g}", _text(params, "status")]
    reasons = params.get("reasons")
    words += [str(reason) for reason in reasons] if isinstance(reasons, list) else []
    details = " ".join(word for word in words if word)
    error = "" if entry.error is None or entry.error in details else f"error: {entry.error}"
    parts = [iso_utc(entry.ts), f"{entry.nickname or entry.trader or '-':10}", f"{entry.action:12}", details]
    line = "  ".join(part for part in (*parts, entry.tx_hash or "", error) if part).rstrip()
    return _printable(line)


def csv_head() -> bytes:
    """The column names as a CSV row."""
    return _row(_COLUMNS).encode()


def csv_line(raw: RawLine) -> bytes:
    """A checked line as a CSV row. Prefixes text that a spreadsheet would run as a formula."""
    row = _plain_row(raw)
    if row is None:
        row = _row([_cell(one) if isinstance(one, str) else one for one in _values(entry_of(raw))])
    return row.encode()


def _row(values: Iterable[object]) -> str:
    row: str = _CSV.writerow(values)
    return row


def _plain_row(raw: RawLine) -> str | None:
    """The row of an ordinary line whose text needs no care, None for any other: that takes three times as long."""
    values: list[object] = [raw.get(key) for key in _COLUMNS if key != "time"]
    if not _are_plain(*map(type, values)):
        return None
    seq, ts, run_id, chain_id, book, market_id, trader, *others, params = values
    addresses = f"{book},{market_id},{trader}".lower()
    rest = ",".join(["" if one is None else str(one) for one in others])
    cells = f"{seq},{_time(ts)},{ts},{run_id},{chain_id},{addresses},{rest}"
    is_quoted = '"' in cells or cells.count(",") != len(_COLUMNS) - 2
    if is_quoted or not cells.isprintable() or any(begin in cells for begin in _MAYBE_FORMULAS):
        return None
    if not params or not isinstance(params, dict):
        return None
    text = compact(params).decode("ascii")
    if not text.isprintable():
        return None
    quoted = text.replace('"', '""')
    return f'{cells},"{quoted}"\n'


def _cell(text: str) -> str:
    return _printable(f"'{text}" if text.startswith(_FORMULA) else text)


def _printable(text: str) -> str:
    """Replace control characters: text from the venue must not send escape sequences to the terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "·" for letter in text)


@lru_cache
def _are_plain(*kinds: type) -> bool:
    return all(kind in allowed for kind, allowed in zip(kinds, _KINDS, strict=True))


def _time(ts: object) -> str:
    """`iso_utc`, which is slow, once for all lines of a second."""
    if not isinstance(ts, int):
        return ""
    second, millisecond = divmod(ts, 1000)
    return f"{_second(second)}{millisecond:03d}Z"


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    return iso_utc(second * 1000)[:-4]


def _values(entry: JournalEntry) -> tuple[object, ...]:
    params = "" if entry.params is None else compact(entry.params).decode("ascii")
    return (
        *(entry.seq, iso_utc(entry.ts), entry.ts, entry.run_id, entry.chain_id, entry.order_book, entry.market_id),
        *(entry.trader, entry.nickname, entry.role, entry.action, entry.intent_id, entry.tx_hash, entry.error, params),
    )


def _text(params: Mapping[str, object], key: str) -> str:
    value = params.get(key)
    return str(value) if isinstance(value, str | int) else ""
