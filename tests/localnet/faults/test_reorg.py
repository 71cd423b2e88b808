"""Rewinding the embedded chain: reorgs, and reads of past states."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from ama_tui.localnet.blocks import Block
from ama_tui.localnet.chain import KEPT_STATES, Chain
from ama_tui.localnet.evm_factory import open_engine
from ama_tui.localnet.options import EngineName
from ama_tui.localnet.transactions import Transaction

ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")
TAPE = "0x" + "d" * 40
# Without call data: appends the caller to a list in storage, whose length is in slot 0. With call data: returns a slot.
#   CALLDATASIZE PUSH1 read JUMPI | CALLER PUSH0 SLOAD PUSH1 1 ADD SSTORE | PUSH0 SLOAD PUSH1 1 ADD PUSH0 SSTORE STOP
#   read: JUMPDEST PUSH0 CALLDATALOAD SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
APPEND = bytes.fromhex("36601457335f54600101555f546001015f5500005b5f35545f5260205ff3")


@pytest.fixture(params=["pyrevm", "py-evm"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    engine: EngineName = request.param
    chain = Chain(31337, open_engine(engine, 31337))
    chain.evm.set_code(TAPE, APPEND)
    chain.automine = False
    chain.keep_states(True)
    yield chain
    chain.keep_states(False)


def senders(chain: Chain) -> list[str]:
    """The senders of all transactions in chain order."""

    def slot(number: int) -> int:
        return int.from_bytes(chain.call(TAPE, number.to_bytes(32, "big")).output, "big")

    return [f"0x{slot(1 + place):040x}" for place in range(slot(0))]


def mine(chain: Chain, *senders: str) -> list[str]:
    """Mine a block with a transaction from each sender. Returns their hashes."""
    sent = [chain.send_as(sender, TAPE, b"", gas=200_000) for sender in senders]
    chain.mine()
    return sent


def test_reorg_in_the_same_order_changes_hashes_and_nothing_else(chain: Chain) -> None:
    first = mine(chain, ALICE)
    kept = chain.head.hash
    later = mine(chain, BOB, ALICE) + mine(chain) + mine(chain, CAROL)
    before = [chain.history.block(number) for number in (2, 3, 4)]
    written = senders(chain)
    assert len(chain.reorg(3)) == 3
    after = [chain.history.block(number) for number in (2, 3, 4)]
    for old, new in zip(before, after, strict=True):
        assert old is not None
        assert new is not None
        assert new.hash != old.hash
        assert chain.history.block_by_hash(old.hash) is None
        assert [mined.transaction for mined in new.mined] == [mined.transaction for mined in old.mined]
        assert new.timestamp == old.timestamp
        assert all(mined.block_hash == new.hash for mined in new.mined)
    assert after[0] is not None
    assert after[0].parent_hash == kept
    assert senders(chain) == written == [ALICE, BOB, ALICE, CAROL]
    assert all(chain.history.mined(tx_hash) is not None for tx_hash in first + later)


def test_reorg_in_another_order_changes_the_state_and_keeps_each_senders_own_order(chain: Chain) -> None:
    written = []
    for seed in range(20):
        sent: dict[str, list[Any]] = {who: [] for who in (ALICE, BOB, CAROL)}
        for _ in range(3):
            for who, tx_hash in zip(sent, mine(chain, *sent), strict=True):
                sent[who].append(tx_hash)
        assert len(chain.reorg(3, Random(seed))) == 3
        mined = [each.transaction.hash for number in (-2, -1, 0) for each in _block(chain, number).mined]
        assert sorted(mined) == sorted(tx_hash for each in sent.values() for tx_hash in each)
        for each in sent.values():
            assert [tx_hash for tx_hash in mined if tx_hash in each] == each
        written.append(tuple(senders(chain)[-9:]))
        assert chain.nonce(ALICE) == chain.nonce(BOB) == 3 * (seed + 1)
    assert len(set(written)) > 10


def test_chain_continues_after_a_reorg_and_can_reorg_again(chain: Chain) -> None:
    mine(chain, ALICE)
    hashes = {chain.head.hash}
    for _ in range(5):
        assert len(chain.reorg(1)) == 1
        hashes.add(chain.head.hash)
    mine(chain, BOB)
    assert len(hashes) == 6
    assert chain.head.number == 2
    assert senders(chain) == [ALICE, BOB]


def test_past_state_is_readable_and_the_present_is_unchanged(chain: Chain) -> None:
    for who in (ALICE, BOB, CAROL):
        (sent,) = mine(chain, who)
    head = chain.head
    for blocks, seen in ((0, [ALICE, BOB, CAROL]), (1, [ALICE, BOB]), (3, [])):
        with chain.rewound(blocks):
            assert chain.head.number == 3 - blocks
            assert senders(chain) == seen
            assert chain.nonce(CAROL) == (1 if blocks == 0 else 0)
            assert (chain.history.mined(sent) is None) == (blocks > 0)
        assert chain.head is head
        assert senders(chain) == [ALICE, BOB, CAROL]
        assert chain.nonce(CAROL) == 1


def test_pool_survives_a_reorg(chain: Chain) -> None:
    mine(chain, ALICE)
    waiting = chain.send_as(ALICE, TAPE, b"", gas=200_000)
    assert len(chain.reorg(1)) == 1
    assert chain.pending(waiting) is not None
    chain.mine()
    assert chain.history.mined(waiting) is not None
    assert senders(chain) == [ALICE, ALICE]


def test_only_kept_states_can_be_rewound(chain: Chain) -> None:
    for _ in range(KEPT_STATES + 3):
        mine(chain, ALICE)
    assert chain.states == KEPT_STATES
    assert len(chain.reorg(100)) == KEPT_STATES
    assert len(senders(chain)) == KEPT_STATES + 3
    chain.keep_states(False)
    mine(chain, ALICE)
    assert chain.states == len(chain.reorg(1)) == 0


def test_compacting_and_funding_limit_the_rewind(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    mine(chain, ALICE)
    chain.fund(BOB, 7)
    assert chain.states == 0
    monkeypatch.setattr("ama_tui.localnet.chain.COMPACT_GAS", 1)
    mine(chain, ALICE)
    assert chain.states == len(chain.reorg(1)) == 0
    assert senders(chain) == [ALICE, ALICE]
    assert chain.evm.get_balance(BOB) == 7


def test_fees_are_paid_once_however_often_a_block_is_mined(chain: Chain) -> None:
    chain.fund(ALICE, 10**18)
    chain.submit(Transaction("0x" + "1" * 64, ALICE, TAPE, b"", 0, 200_000, value=5, gas_price=7))
    chain.mine()
    paid = chain.evm.get_balance(ALICE)
    assert paid == 10**18 - 5 - 7 * chain.head.gas_used
    for _ in range(3):
        chain.reorg(1)
        with chain.rewound(1):
            assert chain.evm.get_balance(ALICE) == 10**18
    assert chain.evm.get_balance(ALICE) == paid


def test_thousands_of_blocks_and_reads_with_kept_states_leave_the_evm_intact(chain: Chain) -> None:
    """An EVM with unbalanced checkpoints fails after about a thousand of them."""
    rng = Random(1)
    for _ in range(1_500):
        mine(chain, ALICE)
        chain.call(TAPE, bytes(32))
        if rng.random() < 0.1:
            chain.reorg(rng.randint(1, 3), rng)
    assert len(senders(chain)) == 1_500


def _block(chain: Chain, back: int) -> Block:
    block = chain.history.block(chain.head.number + back)
    assert block is not None
    return block
