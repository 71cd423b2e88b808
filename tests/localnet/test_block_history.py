"""How far back the embedded chain's blocks go, and that a compressed block is found like a new one."""

from __future__ import annotations

import pytest

from ama_tui.localnet import block_history
from ama_tui.localnet.block_archive import PACK
from ama_tui.localnet.block_history import BlockHistory
from ama_tui.localnet.blocks import Block, BlockLogFilter, seal
from ama_tui.localnet.chain import Chain
from ama_tui.localnet.evm import ExecutionResult
from ama_tui.localnet.evm_factory import open_engine
from ama_tui.localnet.node import Log
from ama_tui.localnet.rpc import JsonRpcError
from ama_tui.localnet.rpc_methods import PRUNED, RpcMethods
from ama_tui.localnet.transactions import unsigned

ALICE, TARGET = "0x" + "a" * 40, "0x" + "c" * 40


def grow(history: BlockHistory, count: int, *, data: bytes = b"") -> list[Block]:
    """Add blocks with one transaction and one log each."""
    made = []
    for _ in range(count):
        number = history.head.number + 1
        result = ExecutionResult(ok=True, output=b"", gas_used=50_000, logs=(Log(TARGET, (bytes(32),), data),))
        made.append(seal(history.head, number, 10**9, [(unsigned(31_337, ALICE, TARGET, data, number, 10**6), result)]))
        history.append(made[-1])
    return made


@pytest.fixture
def history() -> BlockHistory:
    return BlockHistory(seal(None, 0, 10**9, []))


def test_compressed_blocks_are_found_with_their_transactions_and_logs(
    history: BlockHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_history, "RECENT_BLOCKS", 20)
    made = [history.head, *grow(history, 60)]
    assert history.oldest_number == 0
    assert [history.block(number) for number in range(61)] == made
    assert all(history.block_by_hash(block.hash) == block for block in made)
    mined = [one for block in made for one in block.mined]
    assert [history.mined(one.transaction.hash) for one in mined] == mined
    assert [found.mined for found in history.logs(BlockLogFilter(0, 60))] == mined
    assert history.block(61) is None
    assert history.block(-1) is None
    assert history.block_by_hash(made[30].hash[:-1] + "x") is None
    assert history.mined(mined[30].transaction.hash[:-1] + "x") is None


def test_old_blocks_are_dropped_with_their_transactions(history: BlockHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_history, "RECENT_BLOCKS", 10)
    monkeypatch.setattr(block_history, "MAX_BLOCKS", 30)
    made = [history.head, *grow(history, 100)]
    oldest = history.oldest_number
    assert 100 - 30 < oldest <= 100 - 30 + PACK
    assert history.block(oldest - 1) is None
    assert history.block_by_hash(made[oldest - 1].hash) is None
    assert history.mined(made[oldest - 1].mined[0].transaction.hash) is None
    assert history.mined(made[oldest].mined[0].transaction.hash) is not None
    assert len(list(history.logs(BlockLogFilter(0, 100)))) == 101 - oldest


def test_full_blocks_are_compressed_and_dropped_earlier_but_never_the_latest(
    history: BlockHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_history, "RECENT_BYTES", 1)
    monkeypatch.setattr(block_history, "MAX_ARCHIVE_BYTES", 1)
    grow(history, 50, data=bytes(1_000))
    assert PACK < history.head.number - history.oldest_number + 1 <= block_history.MIN_RECENT


def test_recent_blocks_can_be_removed_after_others_were_compressed(
    history: BlockHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_history, "RECENT_BLOCKS", 10)
    made = grow(history, 40)
    assert [history.drop_head() for _ in range(2)] == [made[-1], made[-2]]
    assert history.mined(made[-1].mined[0].transaction.hash) is None
    (again,) = grow(history, 1)
    assert history.head is history.block(39) is again


def test_logs_of_pruned_blocks_are_an_error_as_on_a_pruned_node(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(31_337, open_engine("auto", 31_337))
    chain.evm.set_code(TARGET, bytes.fromhex("5f355f5fa100"))  # emits a log
    chain.automine = False
    monkeypatch.setattr(block_history, "RECENT_BLOCKS", 8)
    monkeypatch.setattr(block_history, "MAX_BLOCKS", 16)
    for _ in range(40):
        chain.send_as(ALICE, TARGET, bytes(32), gas=100_000)
        chain.mine()
    logs = RpcMethods(chain).table["eth_getLogs"]
    assert len(logs([{"fromBlock": "earliest"}])) == 41 - chain.history.oldest_number
    with pytest.raises(JsonRpcError, match="pruned history unavailable") as failed:
        logs([{"fromBlock": "0x1", "toBlock": "latest"}])
    assert failed.value.code == PRUNED
