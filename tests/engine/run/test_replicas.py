"""Whole runs with a node behind a load balancer: each response from another replica, up to five blocks behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ama_tui.localnet.faults.rules import FaultRule, Faults
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.rpc import JsonRpc
from tests.engine.rig import Rig, cycles_later, killed, rig_of, run_of, ticking, until

REPLICAS = Faults((FaultRule("replicas"),), seed=3)


async def trades_on_chain(rig: Rig) -> int:
    """How many trades of the fleet's orders the chain has, with every replica in step."""
    await rig.venue.set_faults(Faults())
    async with ChainReader(JsonRpc(rig.venue.rpc_url)) as chain:
        head = await rig.venue.node.block_number()
        settled = await chain.settlement(rig.venue.market(rig.symbol).address, 1, head, ())
    await rig.venue.set_faults(REPLICAS)
    fleet = set(rig.wallets)
    return sum(bool({trade.buyer, trade.seller} & fleet) for trade in settled.trades or ())


def statuses(rig: Rig) -> Counter[str]:
    return Counter(line["params"]["status"] for line in rig.journal("PLACE_LIMIT"))


async def test_no_order_is_placed_twice_or_called_gone_and_every_fill_is_counted(tmp_path: Path) -> None:
    async with rig_of(tmp_path) as rig, ticking(rig.venue):
        await rig.venue.set_faults(REPLICAS)
        engine = await rig.packed(orders_per_side=4)
        for turn in range(6):
            await rig.venue.take("ETH-USD", bool(turn % 2), 2 * 10**18)
            await cycles_later(engine, 3)
        filled = await trades_on_chain(rig)
        context = run_of(engine).context
        await until(lambda: context.counters.totals.fills >= filled, "every fill to be counted")
        await cycles_later(engine, 5)
        assert context.counters.totals.fills == filled > 0
        found = statuses(rig)
        assert (found["gone"], found["void"], found["late"]) == (0, 0, 0), found
        await rig.check_placements(4)


async def test_restart_and_kill_behind_a_load_balancer_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    async with rig_of(tmp_path) as rig, ticking(rig.venue):
        await rig.venue.set_faults(REPLICAS)
        for turn in range(3):
            engine = await rig.packed(resume=turn > 0)
            await cycles_later(engine, 3)
            await engine.stop()
            await engine.close()
            assert len(await rig.orders()) == 12
            await rig.check_placements(2)
        found = statuses(rig)
        assert (found["gone"], found["void"], found["late"]) == (0, 0, 0), found
        engine = await rig.packed(resume=True)
        report = await killed(rig, engine)
        assert report.is_proven, report.text
        assert await rig.orders() == []
