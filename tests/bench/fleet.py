"""A fleet on localnet for benchmarks: the venue in a process of its own, the engine in this one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ama_tui.config.run_options import RunOptions
from ama_tui.engine.connect import VenueSource
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
from ama_tui.engine.run.run import StopCondition
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess

PACKING_LIMIT = 120.0
PACKING_LIMIT_PER_WALLET = 0.6
"""Seconds."""


@asynccontextmanager
async def packed_desk(venue: VenueOptions, publisher: Publisher, parameters: RunOptions) -> AsyncIterator[LocalEngine]:
    """A desk whose fleet (all of the venue's wallets) has been packed once and goes on cycling.

    Raises AmaError, VenueStartError, and TimeoutError when it is not packed in time.
    """
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        path = Path(directory)
        with VenueProcess.spawn(venue, path, path / "venue.log"):
            settings = EngineSettings(
                lambda: VenueSource(path, {}, WalletsSource(path / "wallets.csv"), is_demo=True),
                path / "state",
                replace(parameters, wallets=venue.wallets),
            )
            engine = LocalEngine(settings, publisher, threading.Event())
            try:
                await engine.open()
                market = await engine.market(None)
                resolved, _ = await engine.resolved_for(market, False)
                await engine.begin(market, resolved, resume=False, ending=StopCondition())
                seconds = max(PACKING_LIMIT, PACKING_LIMIT_PER_WALLET * venue.wallets)
                await until(lambda: publisher.latest.packed, seconds)
                yield engine
            finally:
                await engine.close()


async def until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so. Raises TimeoutError when it is not in that time."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)
