"""What a steady cycle costs, in requests, with a new block in every cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ama_tui.localnet import abi
from tests.engine.rig import Rig, rig_of, run_of, until

CYCLES = 3


async def lay_orders(rig: Rig, each_side: int) -> None:
    """Place orders for every wallet by its own transactions, without a relayer."""
    book, tick6 = rig.venue.market(rig.symbol), rig.venue.market(rig.symbol).spec.tick6
    bid, ask = await rig.best()
    for number, wallet in enumerate(rig.wallets):
        await rig.venue.node.fund(wallet, 10**24)
        for level in range(each_side):
            for is_buy, touch in ((True, bid), (False, ask)):
                distance = (10 + 7 * level + number % 7) * tick6 * (-1 if is_buy else 1)
                data = abi.encode("OrderBook", "placeMarginLimit", [touch + distance, 10**15, is_buy])
                await rig.venue.node.send(wallet, book.address, data)


@pytest.mark.parametrize(("wallets", "most_rpc"), [(10, 1), (100, 2)])
async def test_steady_cycle_costs_a_handful_of_requests(tmp_path: Path, wallets: int, most_rpc: int) -> None:
    async with rig_of(tmp_path, wallets=wallets) as rig:
        await lay_orders(rig, 6)
        pauses: dict[str, Any] = {"min_delay_ms": 600_000, "max_delay_ms": 600_000, "cycle_gap_ms": 60_000}
        engine = await rig.begin(wallets=wallets, orders_per_side=6, **pauses)
        run = run_of(engine)
        await until(lambda: run.packed, "the fleet to be read as packed")
        await until(lambda: run.context.news == "push", "the node to be asked for no more blocks")
        rpc, api = run.context.connections.chain.stats, run.context.connections.api.stats
        for _ in range(CYCLES):
            await rig.venue.mine()
            rpc_before, api_before = rpc.requests, api.requests
            read = await run.cycle.watch()
            assert await run.cycle.decide(read) == ()
            assert sum(len(wallet.orders) for wallet in read.wallets.values()) == 12 * wallets
            assert rpc.requests - rpc_before <= most_rpc
            assert api.requests - api_before <= 1
        assert run.context.counters.totals.sent == 0
