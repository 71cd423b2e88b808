"""The embedded chain: accounts, a transaction pool, blocks. Not thread-safe."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from ama_tui.localnet.block_history import BlockHistory
from ama_tui.localnet.blocks import Block, seal
from ama_tui.localnet.evm import ZERO_ADDRESS, Evm, ExecutionResult, Message, simulate
from ama_tui.localnet.transactions import Transaction, unsigned
from ama_tui.localnet.txpool import PoolError, TransactionPool

BLOCK_GAS_LIMIT = 1_000_000_000
CALL_GAS = 2**40
"""Gas limit of a read, which may exceed the block gas limit."""
COMPACT_GAS = 60_000_000
"""Gas after which the EVM frees the memory it keeps for rewinding: about a hundred orders."""
KEPT_STATES = 6
"""How many blocks the chain can be rewound, if it keeps states at all."""


class Chain:
    """A chain in memory. `mine` makes a block; with `automine` each submitted transaction makes one."""

    def __init__(
        self,
        chain_id: int,
        evm: Evm,
        *,
        clock: Callable[[], float] = time.time,
        on_block: Callable[[Block], None] = lambda _: None,
    ) -> None:
        self.chain_id = chain_id
        self.evm = evm
        self.automine = True
        self._clock = clock
        self._on_block = on_block
        self._nonces: defaultdict[str, int] = defaultdict(int)
        self._pool = TransactionPool()
        self._gas_since_compact = 0
        self._keeps_states = False
        self._states = 0
        self._reorgs = 0
        self.history = BlockHistory(seal(None, int(clock()), BLOCK_GAS_LIMIT, []))
        self.evm.set_block(0, self.head.timestamp)

    @property
    def head(self) -> Block:
        return self.history.head

    # ---- reading ----

    def call(
        self, to: str | None, data: bytes, *, sender: str | None = None, value: int = 0, gas: int = CALL_GAS
    ) -> ExecutionResult:
        """Run a message on the latest block and undo its changes."""
        sender = sender or ZERO_ADDRESS
        message = Message(sender, to, data, min(gas, CALL_GAS), value, self._nonces.get(sender, 0))
        return simulate(self.evm, message)

    def nonce(self, address: str, *, pending: bool = False) -> int:
        mined = self._nonces.get(address, 0)
        return self._pool.next_nonce(address, mined) if pending else mined

    def pending(self, tx_hash: str) -> Transaction | None:
        return self._pool.get(tx_hash)

    # ---- writing ----

    def submit(self, transaction: Transaction) -> None:
        """Add a transaction to the pool, and mine it immediately with `automine`.

        Raises PoolError if it can never be mined.
        """
        if transaction.nonce < self.nonce(transaction.sender):
            is_mined = self.history.mined(transaction.hash) is not None
            raise PoolError("already known" if is_mined else "nonce too low")
        if transaction.gas > BLOCK_GAS_LIMIT:
            raise PoolError("exceeds block gas limit")
        cost = transaction.value + transaction.gas * transaction.gas_price
        if cost > self.evm.get_balance(transaction.sender):
            raise PoolError("insufficient funds for gas * price + value")
        self._pool.add(transaction)
        if self.automine:
            self.mine_each()

    def send_as(self, sender: str, to: str | None, data: bytes, *, gas: int) -> str:
        """Send from an account without its key, without a fee. Returns the transaction's hash."""
        nonce = self.nonce(sender, pending=True)
        transaction = unsigned(self.chain_id, sender, to, data, nonce, gas)
        self.submit(transaction)
        return transaction.hash

    def mine_each(self) -> None:
        """Mine every executable transaction in its own block; no block if there are none."""
        while (transaction := self._pool.take_next(self._nonces, BLOCK_GAS_LIMIT)) is not None:
            timestamp = self._begin_block()
            self._end_block(timestamp, [(transaction, self._run(transaction))])

    def mine(self) -> Block:
        """Mine one block of pooled transactions, up to the block gas limit; possibly empty."""
        timestamp = self._begin_block()
        gas = BLOCK_GAS_LIMIT
        results: list[tuple[Transaction, ExecutionResult]] = []
        while (transaction := self._pool.take_next(self._nonces, gas)) is not None:
            result = self._run(transaction)
            gas -= result.gas_used
            results.append((transaction, result))
        return self._end_block(timestamp, results)

    def fund(self, address: str, wei: int) -> None:
        """Set a balance outside any block. The chain can then not be rewound beyond this point."""
        self._drop_states()
        self.evm.set_balance(address, wei)

    # ---- rewinding ----

    @property
    def states(self) -> int:
        """How many blocks can be rewound now: none right after the EVM was compacted, or after `fund`."""
        return self._states

    def keep_states(self, keep: bool) -> None:
        """Keep the last `KEPT_STATES` states from now on, or only the newest."""
        self._keeps_states = keep
        if not keep:
            self._drop_states()

    def reorg(self, blocks: int, rng: Random | None = None) -> list[Block]:
        """Mine the last blocks again with new hashes; at most `states` blocks. Returns those that were replaced.

        Transactions keep their order. With `rng` they are shuffled, except that each sender's stay in nonce order.
        """
        dropped = self._unwind(blocks)
        if dropped:
            self._reorgs += 1
        transactions = [mined.transaction for block in dropped for mined in block.mined]
        if rng is not None:
            transactions = _shuffled(transactions, rng)
        for block in dropped:
            batch, transactions = transactions[: len(block.mined)], transactions[len(block.mined) :]
            self._open_block(block.number, block.timestamp)
            results = [(transaction, self._run(transaction)) for transaction in batch]
            self.history.append(seal(self.head, block.timestamp, BLOCK_GAS_LIMIT, results, self._reorgs))
        return dropped

    @contextmanager
    def rewound(self, blocks: int) -> Iterator[None]:
        """Show the chain as it was `blocks` ago, for reads only; at most `states` blocks back."""
        dropped = self._unwind(blocks)
        try:
            yield
        finally:
            for block in dropped:
                self._open_block(block.number, block.timestamp)
                for mined in block.mined:
                    self._run(mined.transaction)
                self.history.append(block)

    def _unwind(self, blocks: int) -> list[Block]:
        """Remove the last blocks and undo their state changes. Returns them, oldest first."""
        dropped: list[Block] = []
        available = self.head.number - self.history.oldest_number
        for _ in range(min(blocks, self._states, available)):
            self.evm.rewind()
            self._states -= 1
            block = self.history.drop_head()
            for mined in reversed(block.mined):
                self._nonces[mined.transaction.sender] = mined.transaction.nonce
            dropped.insert(0, block)
        self.evm.set_block(self.head.number, self.head.timestamp)
        return dropped

    def _drop_states(self) -> None:
        for _ in range(self._states):
            self.evm.drop_oldest_mark()
        self._states = 0

    # ---- internals ----

    def _begin_block(self) -> int:
        """Open the next block. Its time is the wall clock's, but never before its parent's. Returns it."""
        timestamp = max(self.head.timestamp, int(self._clock()))
        self._open_block(self.head.number + 1, timestamp)
        return timestamp

    def _open_block(self, number: int, timestamp: int) -> None:
        if self._keeps_states:
            self.evm.mark()
            self._states += 1
            if self._states > KEPT_STATES:
                self.evm.drop_oldest_mark()
                self._states -= 1
        self.evm.set_block(number, timestamp)

    def _end_block(self, timestamp: int, results: list[tuple[Transaction, ExecutionResult]]) -> Block:
        block = seal(self.head, timestamp, BLOCK_GAS_LIMIT, results, self._reorgs)
        self.history.append(block)
        self._gas_since_compact += block.gas_used
        if self._gas_since_compact >= COMPACT_GAS:
            self._drop_states()
            self.evm.compact()
            self._gas_since_compact = 0
        self._on_block(block)
        return block

    def _run(self, transaction: Transaction) -> ExecutionResult:
        sender = transaction.sender
        result = self.evm.execute(
            Message(sender, transaction.to, transaction.data, transaction.gas, transaction.value, transaction.nonce)
        )
        self._nonces[sender] = transaction.nonce + 1
        if transaction.gas_price > 0:
            left = self.evm.get_balance(sender) - result.gas_used * transaction.gas_price
            self.evm.set_balance(sender, max(left, 0))
        return result


def _shuffled(transactions: list[Transaction], rng: Random) -> list[Transaction]:
    """A random order that keeps each sender's transactions in nonce order."""
    senders = [transaction.sender for transaction in transactions]
    rng.shuffle(senders)
    waiting: dict[str, deque[Transaction]] = defaultdict(deque)
    for transaction in transactions:
        waiting[transaction.sender].append(transaction)
    return [waiting[sender].popleft() for sender in senders]
