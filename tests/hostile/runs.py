"""One whole run against one lie, judged by what is on chain."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineState
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.localnet.faults.rules import Faults
from ama_tui.localnet.venue import LocalVenue
from tests.engine.rig import Rig, log_lines, rig_of, run_of, ticking
from tests.hostile.lies import Lie, Outcome, Since
from tests.hostile.proxy import Lies

TARGET = 6
SHARE = 0.2
"""The largest part of a wallet's collateral that its orders may reserve."""
CYCLES = 25
BLOCKS = 15
"""So many blocks pass too: on a busy machine the cycles come faster than the blocks that they judge."""
LONGEST_S = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a lie; `failure` is empty if it is as expected."""

    lie: Lie
    failure: str
    told: int
    orders: int


async def run_lie(lie: Lie, directory: Path) -> Result:
    """Run one row of the table."""
    lies = lie.make()
    lies.is_on = lie.since is Since.START
    async with rig_of(directory, lie.symbol) as rig:
        if lies.is_on:
            await rig.venue.set_faults(Faults(lie.faults))
        before = {wallet: await rig.available6(wallet) for wallet in rig.wallets}
        async with lies.between(rig.venue.app_url) as api, lies.between(rig.venue.rpc_url) as rpc, ticking(rig.venue):
            rig.environ |= {"APP_URL": api, "RPC_URL": rpc}
            failure = await _outcome(lie, rig, lies) or await _broken(rig, before)
            for engine in rig.engines:
                await engine.close()
            failure = failure or (_ended_falsely(rig) if lie.ends_nothing else "")
        return Result(lie, failure, lies.told + rig.venue.faults.struck.total(), len(await rig.orders()))


def _ended_falsely(rig: Rig) -> str:
    """Orders that ended according to the journal although nothing ended them."""
    ended = [line for line in rig.journal("PLACE_LIMIT") if line["params"]["status"] in ("gone", "void", "late")]
    return f"{len(ended)} orders were called ended: {ended[0]['params']}" if ended else ""


async def _outcome(lie: Lie, rig: Rig, lies: Lies) -> str:
    """Begin a run, let the venue lie, and compare what happens with the row."""
    error = ""
    engine: LocalEngine | None = None
    try:
        engine = await rig.begin(orders_per_side=TARGET, max_utilization=SHARE)
        if lie.since is not Since.START:
            await _until_packed(engine)
            if lie.since is not Since.PACKED:
                await _end(engine)
            lies.is_on = True
            await rig.venue.set_faults(Faults(lie.faults))
        if lie.since is Since.FORGOTTEN:
            shutil.rmtree(rig.directory / "state")
        if lie.since in (Since.RESUMED, Since.FORGOTTEN):
            engine = await rig.begin(resume=True, orders_per_side=TARGET, max_utilization=SHARE)
        await _cycle(engine, rig.venue)
    except AmaError as problem:
        error = str(problem)
    heard = "\n".join([error, *_told(engine)])
    if "internal error" in heard:
        return f"internal error: {heard[-300:]}"
    if lie.says not in heard:
        return f"the operator is not told {lie.says!r}: {heard[-400:]}"
    made = [await rig.sessions_made(wallet) for wallet in rig.wallets]
    if lie.outcome in (Outcome.REFUSED, Outcome.NO_SESSION) and any(made):
        return f"sessions were made: {made}"
    if lie.outcome is Outcome.REFUSED and not error:
        return "the run was not refused"
    if lie.outcome is Outcome.HELD:
        assert engine is not None
        if engine.publisher.latest.state is not EngineState.NO_NEW:
            return f"the run is {engine.publisher.latest.state.value}, not held"
    return ""


def _told(engine: LocalEngine | None) -> list[str]:
    """Everything the operator can read: the reason of the state, the notes of the wallets, the log."""
    if engine is None or engine.run is None:
        return []
    latest = engine.publisher.latest
    return [latest.reason, *(row.note for row in latest.wallets), *log_lines(engine)]


async def _end(engine: LocalEngine) -> None:
    """Stop a run and leave its orders resting."""
    await engine.stop()
    await engine.close()


async def _until_packed(engine: LocalEngine) -> None:
    deadline = monotonic() + LONGEST_S
    while not run_of(engine).packed and monotonic() < deadline:  # noqa: ASYNC110 - the engine sets no event
        await asyncio.sleep(0.02)


async def _cycle(engine: LocalEngine, venue: LocalVenue) -> None:
    """Let the run read this many times, whether or not it succeeds, while the chain goes on."""
    deadline = monotonic() + LONGEST_S
    run, last_block = run_of(engine), await venue.node.block_number() + BLOCKS
    seen, last = 0, -1
    while (seen < CYCLES or await venue.node.block_number() < last_block) and monotonic() < deadline:
        at = run.context.next_cycle_at_ms
        if at != last:
            seen, last = seen + 1, at
        if run.state.is_final:
            return
        await asyncio.sleep(0.01)


async def _broken(rig: Rig, before: dict[str, int]) -> str:
    """What the chain shows that must never happen; '' if nothing."""
    orders = await rig.orders()
    sides = Counter((one.wallet, one.side) for one in orders)
    levels = Counter((one.wallet, one.side, one.level) for one in orders)
    margins = Counter[str]()
    for one in orders:
        margins[one.wallet] += one.margin6
    if sides and max(sides.values()) > TARGET:
        return f"{max(sides.values())} orders on a side instead of {TARGET}"
    if levels and max(levels.values()) > 1:
        return "a level was placed twice"
    for wallet, margin6 in margins.items():
        if margin6 > SHARE * before[wallet]:
            return f"{margin6 / before[wallet]:.0%} of the collateral is tied up instead of {SHARE:.0%}"
    return ""
