"""Transactions waiting for a block."""

from __future__ import annotations

from collections.abc import Mapping

from ama_tui.localnet.transactions import Transaction


class PoolError(Exception):
    """A transaction was rejected. The message is the one Ethereum clients use."""


class TransactionPool:
    """First come, first served, except that a sender's transactions wait for a missing nonce."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, Transaction]] = {}
        self._by_hash: dict[str, Transaction] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, tx_hash: str) -> Transaction | None:
        return self._by_hash.get(tx_hash)

    def add(self, transaction: Transaction) -> None:
        """Add a transaction. Raises PoolError if one with the same nonce pays at least as much."""
        if transaction.hash in self._by_hash:
            raise PoolError("already known")
        by_nonce = self._waiting.setdefault(transaction.sender, {})
        replaced = by_nonce.get(transaction.nonce)
        if replaced is not None:
            if transaction.gas_price <= replaced.gas_price:
                raise PoolError("replacement transaction underpriced")
            del self._by_hash[replaced.hash]
        by_nonce[transaction.nonce] = transaction
        self._by_hash[transaction.hash] = transaction

    def next_nonce(self, sender: str, mined: int) -> int:
        """The sender's next nonce, counting waiting transactions up to the first gap."""
        waiting = self._waiting.get(sender, {})
        nonce = mined
        while nonce in waiting:
            nonce += 1
        return nonce

    def take_next(self, nonces: Mapping[str, int], gas: int) -> Transaction | None:
        """Remove and return the oldest executable transaction; None if there is none or it needs more than `gas`.

        A transaction that does not fit ends the block: later ones must not overtake it.
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
        by_nonce = self._waiting[transaction.sender]
        del by_nonce[transaction.nonce]
        if not by_nonce:
            del self._waiting[transaction.sender]
