"""A second node that disagrees: a start is refused, and a run places nothing until both agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.errors import PreflightError
from ama_tui.domain.event import EngineState
from ama_tui.domain.order import Side
from ama_tui.domain.reading import OrdersRead
from ama_tui.engine.reconciliation import second_node
from ama_tui.engine.reconciliation.second_node import difference
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.venue import contract_abi as abi
from tests.engine.rig import Rig, log_lines, run_of, until
from tests.engine.samples import ALICE, BOB, PRICE6, SIZE18, order
from tests.hostile.proxy import Lies


def more_collateral(_: bytes, answer: bytes) -> bytes:
    return (int.from_bytes(answer) + 10**6).to_bytes(32, "big")


def state_of(engine: LocalEngine) -> EngineState:
    return engine.publisher.latest.state


async def test_run_holds_while_the_nodes_disagree_and_a_start_is_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EVERY_S", "AGAIN_S", "BETWEEN_S"):
        monkeypatch.setattr(second_node, name, 0.05)
    lies = Lies(calls={abi.GET_AVAILABLE_COLLATERAL: more_collateral}, is_on=False)
    async with lies.between(rig.venue.rpc_url) as rig.environ["RPC_URL_CHECK"]:
        engine = await rig.packed()
        lies.is_on = True
        await until(lambda: state_of(engine) is EngineState.NO_NEW, "the run to hold")
        assert "RPC_URL shows other collateral of 0x" in engine.publisher.latest.reason
        lies.is_on = False
        await until(lambda: state_of(engine) is EngineState.RUNNING, "the run to go on")
        assert any(text.startswith("both nodes agree again after") for text in log_lines(engine))
        assert run_of(engine).context.counters.errors_by_kind["nodes disagree"] == 1
        await engine.stop()
        lies.is_on = True
        with pytest.raises(PreflightError, match="RPC_URL shows other collateral"):
            await rig.begin(resume=True)


async def test_dead_second_node_is_reported_and_does_not_stop_the_run(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_node, "EVERY_S", 0.05)
    async with Lies().between(rig.venue.rpc_url) as rig.environ["RPC_URL_CHECK"]:
        engine = await rig.packed()
    run = run_of(engine)
    await until(lambda: run.outages.second_node.text, "the loss to be noticed")
    assert "RPC_URL_CHECK" in run.outages.second_node.text
    assert engine.publisher.latest.state is EngineState.RUNNING


async def test_second_node_on_another_chain_is_refused(rig: Rig) -> None:
    lies = Lies(rpc={"eth_chainId": lambda *_: "0x1"})
    async with lies.between(rig.venue.rpc_url) as rig.environ["RPC_URL_CHECK"]:
        with pytest.raises(PreflightError, match="RPC_URL is on chain 31337, RPC_URL_CHECK on chain 1"):
            await rig.open()


def test_orders_and_collateral_are_compared_wallet_by_wallet() -> None:
    ours = OrdersRead(7, True, {ALICE: (order(ALICE, 1, Side.BUY, PRICE6, SIZE18),), BOB: None}, {ALICE: 5, BOB: None})
    assert difference(ours, ours) == ""
    assert difference(ours, replace(ours, orders={ALICE: None, BOB: ()})) == ""
    fewer = replace(ours, orders={ALICE: (), BOB: ()})
    assert difference(ours, fewer) == f"at block 7 RPC_URL shows 1 orders of {ALICE}, RPC_URL_CHECK 0"
    poorer = replace(ours, available6={ALICE: 4})
    assert difference(ours, poorer) == f"at block 7 RPC_URL shows other collateral of {ALICE} than RPC_URL_CHECK"
