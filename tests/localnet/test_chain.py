"""The embedded chain: pool, nonces, blocks, and how much history is kept."""

from __future__ import annotations

from itertools import pairwise

import pytest
from eth_utils.crypto import keccak

from ama_tui.localnet.blocks import BlockLogFilter
from ama_tui.localnet.chain import BLOCK_GAS_LIMIT, Chain
from ama_tui.localnet.evm_factory import open_engine
from ama_tui.localnet.node import Log
from ama_tui.localnet.transactions import Transaction
from ama_tui.localnet.txpool import PoolError

ALICE, BOB, TARGET = "0x" + "a" * 40, "0x" + "b" * 40, "0x" + "c" * 40
# Emits an empty log whose one topic is its call data.
LOGGER = bytes.fromhex("5f355f5fa100")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(clock: Clock) -> Chain:
    chain = Chain(31337, open_engine("auto", 31337), clock=clock)
    chain.evm.set_code(TARGET, LOGGER)
    chain.automine = False
    return chain


def transaction(nonce: int, sender: str = ALICE, *, gas: int = 100_000, gas_price: int = 0) -> Transaction:
    tx_hash = "0x" + keccak(text=f"{sender} {nonce} {gas} {gas_price}").hex()
    data = nonce.to_bytes(32, "big")
    return Transaction(tx_hash, sender, TARGET, data, nonce, gas, gas_price=gas_price)


def test_chain_starts_with_an_empty_block_zero(chain: Chain, clock: Clock) -> None:
    assert (chain.head.number, chain.head.mined, chain.head.timestamp) == (0, (), int(clock.now))


def test_block_contains_the_whole_pool_in_order_of_arrival(chain: Chain) -> None:
    sent = [chain.send_as(who, TARGET, bytes(32), gas=100_000) for who in (ALICE, BOB, ALICE)]
    block = chain.mine()
    assert [mined.transaction.hash for mined in block.mined] == sent
    assert [mined.index for mined in block.mined] == [0, 1, 2]
    assert [mined.first_log for mined in block.mined] == [0, 1, 2]
    assert block.gas_used == sum(mined.result.gas_used for mined in block.mined)
    assert chain.mine().mined == ()


def test_automine_mines_a_block_per_transaction(chain: Chain) -> None:
    chain.automine = True
    for expected in (1, 2, 3):
        chain.send_as(ALICE, TARGET, bytes(32), gas=100_000)
        assert (chain.head.number, len(chain.head.mined)) == (expected, 1)


def test_nonce_gap_waits_until_it_is_filled(chain: Chain) -> None:
    chain.submit(transaction(1))
    assert chain.mine().mined == ()
    assert chain.nonce(ALICE, pending=True) == 0
    chain.submit(transaction(0))
    assert chain.nonce(ALICE, pending=True) == 2
    assert [mined.transaction.nonce for mined in chain.mine().mined] == [0, 1]
    assert chain.nonce(ALICE) == 2


def test_used_nonce_is_refused(chain: Chain) -> None:
    first = transaction(0)
    chain.submit(first)
    with pytest.raises(PoolError, match="already known"):
        chain.submit(first)
    chain.mine()
    with pytest.raises(PoolError, match="already known"):
        chain.submit(first)
    with pytest.raises(PoolError, match="nonce too low"):
        chain.submit(transaction(0, gas=90_000))


def test_pooled_transaction_is_replaced_only_by_a_higher_gas_price(chain: Chain) -> None:
    chain.evm.set_balance(ALICE, 10**18)
    chain.submit(transaction(0, gas_price=5))
    with pytest.raises(PoolError, match="underpriced"):
        chain.submit(transaction(0, gas_price=5, gas=90_000))
    better = transaction(0, gas_price=6)
    chain.submit(better)
    assert [mined.transaction for mined in chain.mine().mined] == [better]


def test_gas_is_paid_for_at_the_transactions_price(chain: Chain) -> None:
    chain.evm.set_balance(ALICE, 10**18)
    chain.submit(transaction(0, gas_price=7))
    used = chain.mine().gas_used
    assert chain.evm.get_balance(ALICE) == 10**18 - 7 * used


def test_transaction_beyond_the_balance_is_refused(chain: Chain) -> None:
    with pytest.raises(PoolError, match="insufficient funds"):
        chain.submit(transaction(0, gas_price=1))
    with pytest.raises(PoolError, match="block gas limit"):
        chain.submit(transaction(0, gas=BLOCK_GAS_LIMIT + 1))


def test_full_block_leaves_the_rest_for_the_next(chain: Chain) -> None:
    for nonce in range(3):
        chain.submit(transaction(nonce, gas=BLOCK_GAS_LIMIT * 2 // 3))
    # The first uses little of its gas, but the block must have room for the gas limit of each.
    assert len(chain.mine().mined) == 3
    chain.submit(transaction(3, gas=BLOCK_GAS_LIMIT))
    chain.submit(transaction(0, sender=BOB, gas=BLOCK_GAS_LIMIT))
    assert [len(chain.mine().mined) for _ in range(3)] == [1, 1, 0]


def test_block_time_follows_the_clock_and_never_decreases(chain: Chain, clock: Clock) -> None:
    times = []
    for step in (1, 10, 0, -100, 200):
        clock.now += step
        times.append(chain.mine().timestamp)
    assert times == sorted(times)
    assert times[1] - times[0] == 10
    assert times[2] == times[3]
    assert times[-1] == int(clock.now)


def test_blocks_name_their_parents_and_have_unique_hashes(chain: Chain) -> None:
    made = [chain.head, *(chain.mine() for _ in range(5))]
    assert all(child.parent_hash == parent.hash for parent, child in pairwise(made))
    assert len({block.hash for block in made}) == 6
    assert all(chain.history.block_by_hash(block.hash) is block for block in made)


def test_failed_transaction_is_mined_and_uses_its_nonce(chain: Chain) -> None:
    chain.evm.set_code(TARGET, bytes.fromhex("5f5ffd"))
    chain.submit(transaction(0))
    (mined,) = chain.mine().mined
    assert not mined.result.ok
    assert chain.nonce(ALICE) == 1


def test_deployments_take_the_address_of_their_nonce_among_other_transactions(chain: Chain) -> None:
    chain.send_as(ALICE, TARGET, bytes(32), gas=100_000)
    code = bytes.fromhex("5f5ff3")
    chain.send_as(ALICE, None, code, gas=200_000)
    chain.send_as(ALICE, None, code, gas=200_000)
    created = [mined.result.contract_address for mined in chain.mine().mined]
    assert created[0] is None
    assert len(set(created)) == 3


def test_evm_is_compacted_periodically(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    monkeypatch.setattr("ama_tui.localnet.chain.COMPACT_GAS", 80_000)
    compactions: list[int] = []
    monkeypatch.setattr(chain.evm, "compact", lambda: compactions.append(chain.head.number))
    for _ in range(10):
        chain.send_as(ALICE, TARGET, bytes(32), gas=100_000)
        chain.mine()
    assert compactions == [4, 8]
    assert chain.nonce(ALICE) == 10


def test_logs_are_found_by_block_address_and_topics(chain: Chain) -> None:
    for nonce in range(4):
        chain.submit(transaction(nonce))
        chain.mine()
    topics = [number.to_bytes(32, "big") for number in range(4)]

    def found(**wanted: object) -> list[int]:
        log_filter = BlockLogFilter(**{"from_block": 0, "to_block": 9, **wanted})  # type: ignore[arg-type]
        return [log.mined.block_number for log in chain.history.logs(log_filter)]

    assert found() == [1, 2, 3, 4]
    assert found(from_block=2, to_block=3) == [2, 3]
    assert found(addresses=frozenset({TARGET})) == [1, 2, 3, 4]
    assert found(addresses=frozenset({ALICE})) == []
    assert found(topics=(frozenset({topics[1], topics[3]}),)) == [2, 4]
    assert found(topics=(None,)) == [1, 2, 3, 4]
    assert found(topics=(None, None)) == []  # the logs have one topic only


def test_filter_without_topics_matches_any_topic() -> None:
    log = Log(ALICE, (b"\x01" * 32, b"\x02" * 32), b"")
    assert BlockLogFilter(0, 0, topics=(None, frozenset({b"\x02" * 32}))).matches(log)
    assert not BlockLogFilter(0, 0, topics=(None, frozenset({b"\x01" * 32}))).matches(log)


def test_call_sees_the_latest_block_and_changes_nothing(chain: Chain) -> None:
    number_code = bytes.fromhex("435f5260205ff3")  # returns the block number
    chain.evm.set_code(TARGET, number_code)
    for _ in range(3):
        chain.mine()
    assert int.from_bytes(chain.call(TARGET, b"").output, "big") == 3
