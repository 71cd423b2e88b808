"""A fleet on a watched venue for benchmarks: the venue in a process of its own, the engine in this one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ama_tui.config.run_options import RunOptions
from ama_tui.engine.connect import VenueSource
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.localnet.options import VenueOptions
from tests.bench.venue_process import WatchedVenue, watched_venue

PACKING_LIMIT = 600.0


@asynccontextmanager
async def packed_engine(options: VenueOptions, publisher: Publisher, run: RunOptions) -> AsyncIterator[WatchedVenue]:
    """A venue on which an engine has packed its fleet (all of the venue's wallets) and keeps cycling.

    Raises AmaError, and TimeoutError when the fleet is not packed in ten minutes.
    """
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        path = Path(directory)
        with watched_venue(options, path) as venue:
            settings = EngineSettings(
                lambda: VenueSource(path, {}, WalletsSource(path / "wallets.csv"), is_demo=True), path / "state", run
            )
            engine = LocalEngine(settings, publisher, Freeze())
            try:
                await engine.open()
                market = await engine.market(None)
                resolved, _ = await engine.resolved_for(market, False)
                await engine.begin(market, resolved, resume=False, ending=StopCondition())
                await until(lambda: publisher.latest.packed, PACKING_LIMIT)
                yield venue
            finally:
                await engine.close()


async def until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds. Raises TimeoutError if it does not in time."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)
