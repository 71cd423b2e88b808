"""Results of whole runs, against what the vault of the chain has booked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.domain.pnl import Pnl
from ama_tui.engine.reconciliation import trades_since
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.localnet.contract_reads import ContractRead, read_all
from tests.engine.rig import Rig, rig_of, run_of, until

ENOUGH18 = 2 * 10**18
"""More than what others quote before the fleet."""


async def booked(rig: Rig) -> dict[str, tuple[int, int]]:
    """Position and cost of every wallet's open position, as the vault has them."""
    market = rig.venue.market(rig.symbol)
    wallets = rig.wallets
    arguments = [(wallet, bytes.fromhex(market.market_id[2:])) for wallet in wallets]
    summaries = [ContractRead("CoreVault", rig.venue.vault, "getPositionSummary", one) for one in arguments]
    costs = [ContractRead("CoreVault", rig.venue.vault, "getPositionCost", one) for one in arguments]
    found = await read_all(rig.venue.node, [*summaries, *costs])
    sizes, costs24 = found[: len(wallets)], found[len(wallets) :]
    return {wallet.lower(): (size[0], cost[0]) for wallet, size, cost in zip(wallets, sizes, costs24, strict=True)}


async def cash24_of(rig: Rig) -> dict[str, int]:
    """Every wallet's cash, which a trade changes only by what it realises."""
    found = await read_all(
        rig.venue.node, [ContractRead("CoreVault", rig.venue.vault, "cash24", (wallet,)) for wallet in rig.wallets]
    )
    return {wallet.lower(): cash24 for wallet, (cash24,) in zip(rig.wallets, found, strict=True)}


async def take_both(rig: Rig, times: int) -> None:
    """Others sell to the fleet and buy from it, unevenly, so that positions turn."""
    for number in range(times):
        await rig.venue.take(rig.symbol, number % 3 == 0, ENOUGH18 * (1 + number % 4))


async def counted(engine: LocalEngine, rig: Rig) -> dict[str, Pnl]:
    """The results once they have the chain's positions."""
    results = run_of(engine).context.pnl
    wanted = {wallet: position for wallet, (position, _) in (await booked(rig)).items()}
    await until(lambda: {one: pnl.position18 for one, pnl in results.wallets.items()} == wanted, "all trades")
    assert not results.problem
    return dict(results.wallets)


async def test_results_are_the_vaults_and_go_on_over_a_restart_with_trades_in_between(rig: Rig) -> None:
    cash_before = await cash24_of(rig)
    engine = await rig.packed()
    await take_both(rig, 6)
    before = await counted(engine, rig)
    await engine.close()
    await take_both(rig, 5)  # nobody of ours is there to see it
    engine = await rig.packed(resume=True)
    await take_both(rig, 7)
    results = await counted(engine, rig)
    assert {one: (pnl.position18, pnl.cost24) for one, pnl in results.items()} == await booked(rig)
    assert sum(pnl.fills for pnl in results.values()) > sum(pnl.fills for pnl in before.values()) + 5
    assert {one: pnl.realised24 for one, pnl in results.items()} == {
        one: cash24 - cash_before[one] for one, cash24 in (await cash24_of(rig)).items()
    }
    await engine.close()
    stored = rig.checkpoint()
    assert stored["run"]["tradesBlock"] >= run_of(engine).context.trades_block
    assert {address: int(entry["pnl"]["fills"]) for address, entry in stored["wallets"].items()} == {
        one: pnl.fills for one, pnl in results.items()
    }


async def test_new_run_begins_at_nothing_and_a_node_that_lost_the_trades_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig_of(tmp_path) as rig:
        engine = await rig.packed()
        await take_both(rig, 3)
        await counted(engine, rig)
        await engine.close()
        await take_both(rig, 3)
        monkeypatch.setattr(trades_since, "MOST_TURNS", 0)
        engine = await rig.packed(resume=True)
        results = run_of(engine).context.pnl
        assert "does not list the trades of blocks" in results.problem
        assert "does not list the trades" in engine.publisher.latest.pnl_problem
        assert {one: pnl.position18 for one, pnl in results.wallets.items()} == {
            one: position for one, (position, _) in (await booked(rig)).items()
        }
        await engine.close()
        engine = await rig.packed(resume=True)
        assert "does not list the trades of blocks" in run_of(engine).context.pnl.problem  # the saved run knows it
        await engine.close()
        engine = await rig.packed()
        assert (run_of(engine).context.pnl.total.fills, run_of(engine).context.pnl.problem) == (0, "")
