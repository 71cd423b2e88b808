"""Both EVMs behave the same."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from ama_tui.localnet import abi
from ama_tui.localnet.evm import ExecutionResult, Message, changes_undone, revert_reason, simulate
from ama_tui.localnet.evm_factory import open_engine
from ama_tui.localnet.evm_pyevm import PyEvm
from ama_tui.localnet.node import NodeError
from ama_tui.localnet.options import EngineName
from ama_tui.localnet.transactions import created_address
from tests.localnet.contract_bench import ALICE, BOB, CAROL, OWNER, TRADER, UNIT, USDC, Bench

ENGINES: list[EngineName] = ["pyrevm", "py-evm"]
# PUSH1 1, PUSH0, SSTORE, then an infinite loop: it runs out of gas after writing.
BURNER = bytes.fromhex("60015f555b600456")
# Returns its first transient slot, then sets it.
TRANSIENT = bytes.fromhex("5f5c5f5260015f5d60205ff3")


@pytest.fixture(params=ENGINES)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def fingerprint(bench: Bench) -> list[object]:
    """Everything the contracts report."""
    ids = {trader: sorted(bench.orders(trader)) for trader in (ALICE, BOB, CAROL)}
    return [
        bench.depth(),
        ids,
        [bench.order(order_id) for order_ids in ids.values() for order_id in order_ids],
        [(bench.position(trader), bench.available6(trader)) for trader in ids],
        bench.read("OrderBook", "lastTradePrice"),
    ]


def trade_at_random(bench: Bench, steps: int, seed: int) -> list[object]:
    """Random actions, repeatable by seed. Returns the result of each."""
    chance = random.Random(seed)
    results: list[object] = []
    for _ in range(steps):
        trader = chance.choice([ALICE, BOB, CAROL])
        result = bench.try_send(
            trader,
            "OrderBook",
            "placeMarginLimit",
            chance.randint(95, 105) * USDC,
            chance.randint(1, 3 * UNIT),
            chance.random() < 0.5,
        )
        results.append((result.ok, result.reason, bench.events(result)))
        if chance.random() < 0.3 and (mine := bench.orders(trader)):
            result = bench.cancel(trader, chance.choice(sorted(mine)))
            results.append((result.ok, result.reason, bench.events(result)))
    return results


def test_both_evms_have_the_same_results() -> None:
    first, second = Bench("pyrevm"), Bench("py-evm")
    assert trade_at_random(first, 60, seed=7) == trade_at_random(second, 60, seed=7)
    assert fingerprint(first) == fingerprint(second)


def test_simulation_changes_nothing(bench: Bench) -> None:
    trade_at_random(bench, 10, seed=1)
    before = fingerprint(bench)
    data = abi.encode("OrderBook", "placeMarginLimit", (99 * USDC, UNIT, True))
    assert simulate(bench.evm, Message(ALICE, bench.book, data, 10**7)).ok
    assert fingerprint(bench) == before


def test_rewind_returns_to_one_checkpoint_at_a_time(bench: Bench) -> None:
    states = []
    for price in (91, 92, 93):
        bench.evm.mark()
        states.append(fingerprint(bench))
        bench.buy(ALICE, price, 1)
    while states:
        bench.evm.rewind()
        assert fingerprint(bench) == states.pop()


def test_dropped_checkpoint_is_gone_and_newer_ones_remain(bench: Bench) -> None:
    bench.evm.mark()
    bench.buy(ALICE, 91, 1)
    bench.evm.mark()
    kept = fingerprint(bench)
    bench.buy(ALICE, 92, 1)
    bench.evm.drop_oldest_mark()
    bench.evm.rewind()
    assert fingerprint(bench) == kept
    bench.buy(BOB, 93, 1)
    with changes_undone(bench.evm):
        bench.buy(BOB, 94, 1)
    assert bench.touch() == (93 * USDC, 0)


def test_evm_survives_thousands_of_checkpoints(bench: Bench) -> None:
    for _ in range(3_000):
        bench.evm.mark()
        bench.evm.drop_oldest_mark()
    for _ in range(3_000):
        with changes_undone(bench.evm):
            pass
    bench.buy(ALICE, 91, 1)
    assert bench.touch() == (91 * USDC, 0)


def test_compaction_keeps_the_whole_state(bench: Bench) -> None:
    bench.evm.set_balance(CAROL, 5)
    for round_ in range(3):
        trade_at_random(bench, 20, seed=round_)
        before = fingerprint(bench)
        bench.evm.compact()
        assert fingerprint(bench) == before
        assert bench.evm.get_balance(CAROL) == 5
    bench.send(ALICE, "OrderBook", "cancelAll")
    bench.evm.compact()
    assert bench.orders(ALICE) == []
    assert bench.deploy("CoreVault") != bench.vault  # the deployer's nonce was copied too


def test_compaction_with_a_checkpoint_is_refused(bench: Bench) -> None:
    bench.evm.mark()
    with pytest.raises(RuntimeError, match="marks"):
        bench.evm.compact()


def test_revert_has_its_reason_and_changes_nothing(bench: Bench) -> None:
    before = fingerprint(bench)
    result = bench.try_send(ALICE, "OrderBook", "placeMarginLimit", 0, 1, True)
    assert (result.ok, result.reason, result.error) == (False, "price_must_be_gt_0", "execution reverted")
    assert 21_000 < result.gas_used < 100_000
    assert fingerprint(bench) == before


def test_message_that_runs_out_of_gas_fails_and_changes_nothing(bench: Bench) -> None:
    target = "0x" + "b1" * 20
    bench.evm.set_code(target, BURNER)
    result = bench.evm.execute(Message(ALICE, target, b"", 100_000))
    assert (result.ok, result.gas_used, result.reason) == (False, 100_000, "")
    assert "OutOfGas" in result.error


def test_message_below_its_intrinsic_gas_fails(bench: Bench) -> None:
    assert not bench.evm.execute(Message(ALICE, BOB, b"", 20_000)).ok


def test_value_is_transferred_and_refused_beyond_the_balance(bench: Bench) -> None:
    bench.evm.set_balance(ALICE, 10)
    assert bench.evm.execute(Message(ALICE, BOB, b"", 30_000, value=4)).ok
    assert (bench.evm.get_balance(ALICE), bench.evm.get_balance(BOB)) == (6, 4)
    refused = bench.evm.execute(Message(ALICE, BOB, b"", 30_000, value=7))
    assert not refused.ok
    assert (bench.evm.get_balance(ALICE), bench.evm.get_balance(BOB)) == (6, 4)


def test_transient_storage_is_empty_in_every_transaction(bench: Bench) -> None:
    target = "0x" + "b2" * 20
    bench.evm.set_code(target, TRANSIENT)
    for _ in range(2):
        assert bench.evm.execute(Message(ALICE, target, b"", 100_000)).output == bytes(32)


def test_created_address_follows_from_sender_and_nonce(bench: Bench) -> None:
    code = abi.deploy_code("CoreVault")
    first = bench.evm.execute(Message(TRADER, None, code, 10**7, nonce=5))
    assert first.contract_address == created_address(TRADER, 5)
    assert bench.evm.get_code(str(first.contract_address)) == abi.artifact("CoreVault").runtime


def test_creation_that_reverts_leaves_no_contract(bench: Bench) -> None:
    result = bench.evm.execute(Message(OWNER, None, bytes.fromhex("5f5ffd"), 10**6, nonce=90))
    assert (result.ok, result.contract_address) == (False, None)


def test_account_without_code_has_none(bench: Bench) -> None:
    bench.evm.set_balance(ALICE, 1)
    bench.evm.execute(Message(ALICE, BOB, b"", 30_000, value=1))
    for address in (ALICE, BOB, "0x" + "ee" * 20):
        assert bench.evm.get_code(address) == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ""),
        (bytes.fromhex("08c379a0"), ""),
        (bytes.fromhex("08c379a0") + b"\xff" * 64, ""),
        (bytes.fromhex("4e487b71") + bytes(32), ""),
    ],
)
def test_revert_data_that_is_not_an_error_string_has_no_reason(data: bytes, reason: str) -> None:
    assert revert_reason(data) == reason
    assert ExecutionResult(ok=False, output=data, gas_used=0).reason == reason


def test_auto_picks_py_evm_if_pyrevm_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.localnet.evm_factory.find_spec", lambda name: None if name == "pyrevm" else name)
    assert isinstance(open_engine("auto", 1), PyEvm)
    with pytest.raises(NodeError, match="pyrevm"):
        open_engine("pyrevm", 1)


def test_importing_the_interface_loads_no_evm() -> None:
    code = "import sys, ama_tui.localnet.evm_factory; print('eth' in sys.modules or 'pyrevm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
