"""Whole runs with a node that omits orders: nothing is placed twice, and no proof is false."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.localnet import abi
from ama_tui.localnet.faults.rules import FaultRule, Faults
from ama_tui.localnet.venue import LocalVenue
from tests.engine.rig import cycles_later, killed, rig_of, ticking


@pytest.mark.parametrize("fault", ["orders_cut", "orders_sparse", "orders_cached"])
async def test_hidden_orders_are_neither_replaced_nor_taken_for_cancelled(fault: str, tmp_path: Path) -> None:
    async with rig_of(tmp_path) as rig, ticking(rig.venue):
        engine = await rig.packed(orders_per_side=4)
        held = {wallet: await available6(rig.venue, wallet) for wallet in rig.wallets}
        before = {order.order_id for order in await rig.orders()}
        await rig.venue.set_faults(Faults((FaultRule(fault),), seed=1))
        await cycles_later(engine, 12)
        assert {order.order_id for order in await rig.orders()} == before
        assert {wallet: await available6(rig.venue, wallet) for wallet in rig.wallets} == held, "read from the chain"
        report = await killed(rig, engine)
        left = await rig.orders()
        assert not (report.is_proven and left), report.text
        assert left == []


async def available6(venue: LocalVenue, wallet: str) -> int:
    """A wallet's available collateral, read around every fault."""
    data = abi.encode("CoreVault", "getAvailableCollateral", [wallet])
    (found,) = abi.decode("CoreVault", "getAvailableCollateral", await venue.node.call(venue.vault, data))
    return int(found)
