"""Transactions that wait for a block."""

from __future__ import annotations

from collections.abc import Mapping

from ama_tui.localnet.transactions import Transaction


class PoolError(Exception):
    """A transaction that cannot wait here, in the words that Ethereum clients use."""


class TransactionPool:
    """First come, first served, but for nonces: a gap holds back what comes after it."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, Transaction]] = {}
        self._by_hash: dict[str, Transaction] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, tx_hash: str) -> Transaction | None:
        return self._by_hash.get(tx_hash)

    def add(self, transaction: Transaction) -> None:
        """Raises PoolError when its place is taken by one that pays as much."""
        if transaction.hash in self._by_hash:
            raise PoolError("already known")
        mine = self._waiting.setdefault(transaction.sender, {})
        rival = mine.get(transaction.nonce)
        if rival is not None:
            if transaction.gas_price <= rival.gas_price:
                raise PoolError("replacement transaction underpriced")
            del self._by_hash[rival.hash]
        mine[transaction.nonce] = transaction
        self._by_hash[transaction.hash] = transaction

    def next_nonce(self, sender: str, mined: int) -> int:
        """The nonce after what is mined and what waits without a gap."""
        waiting = self._waiting.get(sender, {})
        nonce = mined
        while nonce in waiting:
            nonce += 1
        return nonce

    def take_next(self, nonces: Mapping[str, int], gas: int) -> Transaction | None:
        """The oldest transaction whose turn it is and that fits into what gas is left.

        One that does not fit ends the block, so that it is not overtaken for ever.
        """
        for transaction in self._by_hash.values():
            if transaction.nonce == nonces.get(transaction.sender, 0):
                if transaction.gas > gas:
                    return None
                self._remove(transaction)
                return transaction
        return None

    def _remove(self, transaction: Transaction) -> None:
        del self._by_hash[transaction.hash]
        mine = self._waiting[transaction.sender]
        del mine[transaction.nonce]
        if not mine:
            del self._waiting[transaction.sender]
