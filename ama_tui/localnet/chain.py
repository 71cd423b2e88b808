"""The embedded chain: accounts, a pool, blocks. Plain calls; one thread at a time."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from ama_tui.localnet.blocks import Block, BlockHistory, seal
from ama_tui.localnet.evm import ZERO_ADDRESS, Evm, ExecutionResult, Message, simulate
from ama_tui.localnet.transactions import Transaction, unsigned
from ama_tui.localnet.txpool import PoolError, TransactionPool

BLOCK_GAS_LIMIT = 1_000_000_000
CALL_GAS = 2**40  # a read may use more than a block holds
# After so much gas the engine gives back what it kept for going back: some hundred placed orders.
COMPACT_GAS = 250_000_000
KEPT_STATES = 4  # the newest states that can be gone back to, where any are kept


class Chain:
    """Blocks are made by `mine`: by a timer, or, with `automine`, for each transaction that is sent."""

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
        """Run a message on top of the latest block and forget what it changed."""
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
        """Put a transaction in the pool, and mine it at once under `automine`.

        Raises PoolError when it can never be mined.
        """
        if transaction.nonce < self.nonce(transaction.sender):
            known = self.history.mined(transaction.hash) is not None
            raise PoolError("already known" if known else "nonce too low")
        if transaction.gas > BLOCK_GAS_LIMIT:
            raise PoolError("exceeds block gas limit")
        cost = transaction.value + transaction.gas * transaction.gas_price
        if cost > self.evm.get_balance(transaction.sender):
            raise PoolError("insufficient funds for gas * price + value")
        self._pool.add(transaction)
        if self.automine:
            self.mine_each()

    def send_as(self, sender: str, to: str | None, data: bytes, *, gas: int) -> str:
        """Send for an account without its key, at no fee. Returns the transaction's hash."""
        nonce = self.nonce(sender, pending=True)
        transaction = unsigned(self.chain_id, sender, to, data, nonce, gas)
        self.submit(transaction)
        return transaction.hash

    def mine_each(self) -> None:
        """Make a block for each transaction whose turn it is, and none when there is none."""
        while (transaction := self._pool.take_next(self._nonces, BLOCK_GAS_LIMIT)) is not None:
            timestamp = self._begin_block()
            self._end_block(timestamp, [(transaction, self._run(transaction))])

    def mine(self) -> Block:
        """Make one block of what waits, as far as its gas goes; an empty one if nothing does."""
        timestamp = self._begin_block()
        gas = BLOCK_GAS_LIMIT
        results: list[tuple[Transaction, ExecutionResult]] = []
        while (transaction := self._pool.take_next(self._nonces, gas)) is not None:
            result = self._run(transaction)
            gas -= result.gas_used
            results.append((transaction, result))
        return self._end_block(timestamp, results)

    def fund(self, address: str, wei: int) -> None:
        """Set a balance from outside. No block holds that, so the states before it cannot be gone back to."""
        self._drop_states()
        self.evm.set_balance(address, wei)

    # ---- going back ----

    @property
    def states(self) -> int:
        """How many blocks can be gone back: none right after the engine gave back memory, or a `fund`."""
        return self._states

    def keep_states(self, keep: bool) -> None:
        """Hold the last `KEPT_STATES` states from now on, or the newest alone."""
        self._keeps_states = keep
        if not keep:
            self._drop_states()

    def reorg(self, blocks: int, rng: Random | None = None) -> int:
        """Mine the last blocks again, under other hashes; returns how many, as far as `states` reaches.

        Their transactions keep their order, or with `rng` are mixed as far as each sender's nonces allow.
        """
        dropped = self._unwind(blocks)
        if dropped:
            self._reorgs += 1
        transactions = [mined.transaction for block in dropped for mined in block.mined]
        if rng is not None:
            transactions = _shuffled(transactions, rng)
        for block in dropped:
            again, transactions = transactions[: len(block.mined)], transactions[len(block.mined) :]
            self._open_block(block.number, block.timestamp)
            results = [(transaction, self._run(transaction)) for transaction in again]
            self.history.append(seal(self.head, block.timestamp, BLOCK_GAS_LIMIT, results, self._reorgs))
        return len(dropped)

    @contextmanager
    def rewound(self, blocks: int) -> Iterator[None]:
        """The chain of so many blocks ago, to be read only, as far back as `states` reaches."""
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
        """Take the last blocks off, with what they did to the state; returns them, the oldest first."""
        dropped: list[Block] = []
        held = self.head.number - self.history.oldest.number
        for _ in range(min(blocks, self._states, held)):
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

    # ---- inside ----

    def _begin_block(self) -> int:
        """Time follows the wall clock and never goes back; blocks of one second may share it."""
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
    """Another order in which each sender's own transactions keep theirs."""
    senders = [transaction.sender for transaction in transactions]
    rng.shuffle(senders)
    waiting: dict[str, deque[Transaction]] = defaultdict(deque)
    for transaction in transactions:
        waiting[transaction.sender].append(transaction)
    return [waiting[sender].popleft() for sender in senders]
