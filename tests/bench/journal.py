"""How many write-ahead lines a second the journal makes durable, and how many share a sync."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.writer import Journal
from tests.bench.figures import Figure
from tests.bench.scale import Scale

WRITERS = 16
"""Wallets that write ahead at the same time."""


def measure(scale: Scale) -> list[Figure]:
    """Durable lines a second with many wallets writing side by side, and lines to a sync."""
    return asyncio.run(_measure(scale.journal_lines))


async def _measure(lines: int) -> list[Figure]:
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        journal = Journal.open(Path(directory) / "actions.jsonl")
        share = max(1, lines // WRITERS)

        async def write(writer: int) -> None:
            for number in range(share):
                await journal.write_durable(_intent(writer, number))

        began = perf_counter()
        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        seconds = perf_counter() - began
        syncs = journal.syncs
        journal.close()
    written = share * WRITERS
    detail = f"{written:,} lines of {WRITERS} wallets in {seconds:.2f} s, {syncs:,} syncs"
    return [
        Figure("journal, durable lines", written / seconds, "1/s", detail=detail),
        Figure("journal, lines to a sync", written / syncs),
    ]


def _intent(writer: int, number: int) -> JournalEntry:
    """A line like those written before every order."""
    return JournalEntry(
        ts=1_763_820_000_000 + number,
        run_id="1a2b3c4d-0000-4000-8000-000000000000",
        chain_id=31_337,
        order_book="0x" + "b0" * 20,
        market_id="0x" + "1d" * 32,
        trader=f"0x{writer:040x}",
        action="INTENT",
        nickname=f"User{writer:03d}",
        role="MAKER",
        params={
            "method": "sessionPlaceMarginLimit",
            "side": "buy",
            "level": 1,
            "price": "2499900000",
            "amount": "184000000001000142",
            "sequence": number,
            "margin": "459981600",
        },
        intent_id=f"{number:032x}",
    )
