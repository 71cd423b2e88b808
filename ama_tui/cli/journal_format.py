"""Format journal entries for reading."""

from __future__ import annotations

from collections.abc import Mapping

from ama_tui.domain.money import AMOUNT_UNIT, PRICE_UNIT
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.json_fields import as_integer, iso_utc


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
    return printable(line)


def printable(text: str) -> str:
    """Replace control characters: text from the venue must not send escape sequences to the terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _text(params: Mapping[str, object], key: str) -> str:
    value = params.get(key)
    return str(value) if isinstance(value, str | int) else ""
