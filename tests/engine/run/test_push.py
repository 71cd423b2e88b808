"""Whole runs notified of blocks by push, by polling, and by a faulty stream."""

from __future__ import annotations

import pytest

from ama_tui.localnet.faults.rules import FaultRule, Faults
from tests.engine.rig import Rig, levels_of, log_lines, run_of, ticking, until
from tests.engine.run.test_runs import by_name, fill_one_bid, whole_fleet

SLOW = {"min_delay_ms": 600_000, "max_delay_ms": 600_000}
"""Pauses between cycles longer than the test: only a new block starts a cycle."""


@pytest.mark.parametrize("is_pushed", [True, False], ids=["push", "polling"])
async def test_fills_are_replaced_with_push_and_with_polling_alike(empty_rig: Rig, is_pushed: bool) -> None:
    rig = empty_rig
    if not is_pushed:
        env = rig.directory / ".env"
        env.write_text("".join(line for line in env.read_text().splitlines(True) if "RPC_WS_URL" not in line))
    engine = await rig.begin(**SLOW)  # type: ignore[arg-type]
    async with ticking(rig.venue):
        await until(lambda: run_of(engine).packed, "the fleet to be packed")
        await until(lambda: run_of(engine).context.news == ("push" if is_pushed else "polling"), "the stream")
        for _ in range(3):
            before = run_of(engine).context.counters.totals
            await fill_one_bid(rig)
            await until(lambda: run_of(engine).context.counters.totals.fills > before.fills, "the fill")  # noqa: B023
            await until(lambda: run_of(engine).packed, "its replacement")
    assert engine.publisher.latest.news == ("push" if is_pushed else "polling")
    assert sorted(levels_of(await rig.orders()), key=by_name) == sorted(whole_fleet(rig), key=by_name)


async def test_faulty_stream_loses_no_fill(empty_rig: Rig) -> None:
    rig = empty_rig
    engine = await rig.begin(**SLOW)  # type: ignore[arg-type]
    stall = FaultRule("ws_stall", rate=0.05, seconds=(0.5, 1))
    async with ticking(rig.venue):
        await until(lambda: run_of(engine).packed, "the fleet to be packed")
        await rig.venue.set_faults(Faults((FaultRule("ws_drop", rate=0.1), stall, FaultRule("ws_gap", rate=0.2)), 1))
        for _ in range(4):
            before = run_of(engine).context.counters.totals
            await fill_one_bid(rig)
            await until(lambda: run_of(engine).context.counters.totals.fills > before.fills, "the fill")  # noqa: B023
            await until(lambda: run_of(engine).packed, "its replacement")
    assert run_of(engine).context.counters.totals.self_trades == 0


async def test_lost_stream_and_its_return_are_each_reported_once(rig: Rig) -> None:
    engine = await rig.packed()
    await until(lambda: engine.publisher.latest.news == "push", "the stream")
    await rig.venue.set_faults(Faults((FaultRule("ws_drop", nth=(1,)),), 1))
    await rig.venue.mine()
    await until(lambda: any("asking for new blocks instead" in text for text in log_lines(engine)), "the loss")
    await until(lambda: any(text.startswith("push back after") for text in log_lines(engine)), "the return")
    await until(lambda: engine.publisher.latest.news == "push", "the screen to say so")
    assert "ws://" not in "".join(text for text in log_lines(engine) if "RPC_WS_URL" not in text)
