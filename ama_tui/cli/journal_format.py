"""Format journal entries for reading and for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from ama_tui.domain.money import AMOUNT_UNIT, PRICE_UNIT
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.json_fields import as_integer, compact, iso_utc

COLUMNS = (
    *("seq", "time", "ts", "runId", "chainId", "orderBook", "marketIdBytes32", "trader", "nickname", "role"),
    *("action", "intentId", "txHash", "error", "params"),
)


class _Echo:
    """A file whose `write` returns the text, and so does `writerow`."""

    def write(self, text: str) -> str:
        return text


_CSV = csv.writer(_Echo(), lineterminator="\n")
_FORMULA = ("=", "+", "-", "@")


def format_entry(entry: JournalEntry) -> str:
    """`2025-01-01T00:00:00.250Z  alice  PLACE_LIMIT  sell L3 0.184 @ 2500.52 mined  0x12…`."""
    params = entry.params or {}
    words = [_text(params, key) for key in ("method", "text", "reason", "side")]
    level, order = _text(params, "level"), _text(params, "orderId")
    words += [f"L{level}" if level else "", f"order {order}" if order else ""]
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


def csv_row(entry: JournalEntry | tuple[str, ...]) -> bytes:
    """One CSV row of an entry, or of the column names. Prefixes text that a spreadsheet would run as a formula."""
    values: tuple[object, ...] = entry if isinstance(entry, tuple) else _values(entry)
    row: str = _CSV.writerow([_cell(one) if isinstance(one, str) else one for one in values])
    return row.encode()


def _cell(text: str) -> str:
    return _printable(f"'{text}" if text.startswith(_FORMULA) else text)


def _printable(text: str) -> str:
    """Replace control characters: text from the venue must not send escape sequences to the terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _values(entry: JournalEntry) -> tuple[object, ...]:
    params = "" if entry.params is None else compact(entry.params).decode("ascii")
    return (
        *(entry.seq, iso_utc(entry.ts), entry.ts, entry.run_id, entry.chain_id, entry.order_book, entry.market_id),
        *(entry.trader, entry.nickname, entry.role, entry.action, entry.intent_id, entry.tx_hash, entry.error, params),
    )


def _text(params: Mapping[str, object], key: str) -> str:
    value = params.get(key)
    return str(value) if isinstance(value, str | int) else ""
