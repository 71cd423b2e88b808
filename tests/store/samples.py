"""A market's state directory and sample lines for the store's tests."""

from __future__ import annotations

from typing import Any

from ama_tui.domain.market import Market
from ama_tui.store.checkpoint import Checkpoint, WalletEntry
from ama_tui.store.journal.entry import JournalEntry

CHAIN_ID = 999
BOOK = "0x" + "ab" * 20
MARKET_ID = "0x" + "cd" * 32
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
RUN_ID = "6f1d1c1e-0d6c-4b8e-9a51-0b6b7f1f0a01"
NOW_MS = 1_735_689_600_250


def market(tick6: int = 10_000) -> Market:
    return Market("ETH", BOOK, MARKET_ID, CHAIN_ID, tick6, "ETH-USD")


def checkpoint(*entries: WalletEntry) -> Checkpoint:
    return Checkpoint(
        market=market(),
        run_id=RUN_ID,
        started_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        config={"minDelayMs": 250},
        wallets={entry.address: entry for entry in entries},
    )


def line(ts: int = NOW_MS, action: str = "PLACE_LIMIT", trader: str = ALICE, **more: Any) -> JournalEntry:
    whole: dict[str, Any] = {"nickname": "alice", "role": "MAKER"} | more
    return JournalEntry(ts, RUN_ID, CHAIN_ID, BOOK, MARKET_ID, trader, action, **whole)
