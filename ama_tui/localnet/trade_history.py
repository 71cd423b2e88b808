"""The latest trades of each book, from the receipts of the relayers and the traders."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

from ama_tui.localnet import abi
from ama_tui.localnet.node import NodeReceipt

KEPT = 25
"""How many trades are kept per book."""
_TRADE_TOPIC = abi.event_topic("OrderBook", "TradeExecutionCompleted")


@dataclass(frozen=True, slots=True)
class RecordedTrade:
    """A trade: `price6` has 6 decimals, `amount18` 18."""

    price6: int
    amount18: int
    tx_hash: str
    block_number: int


class TradeHistory:
    """The latest trades of each order book, newest first."""

    def __init__(self) -> None:
        self._trades: defaultdict[str, deque[RecordedTrade]] = defaultdict(lambda: deque(maxlen=KEPT))

    def record(self, receipt: NodeReceipt) -> None:
        """Record the trades of a mined transaction."""
        for log in receipt.logs:
            if log.topics and log.topics[0] == _TRADE_TOPIC:
                price6, amount18 = (int.from_bytes(log.data[at : at + 32]) for at in (0, 32))
                self._trades[log.address].appendleft(
                    RecordedTrade(price6, amount18, receipt.tx_hash, receipt.block_number)
                )

    def latest(self, book: str) -> tuple[RecordedTrade, ...]:
        """The latest trades of the order book at `book` (lower case)."""
        return tuple(self._trades.get(book, ()))
