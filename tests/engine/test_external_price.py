"""The price of sources outside the venue, from real servers: the median of those that answer, and never an old one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ama_tui.config.price_sources import price_source
from ama_tui.domain.event import EngineState
from ama_tui.domain.plan import AnchorSource
from ama_tui.engine.external_price import ExternalPrice
from tests.engine.rig import Rig, run_of, ticking, until


@dataclass
class Exchange:
    """A server with a price, which may break or hang."""

    price: float | None = 2500.0
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while it answers."""
    text: str = ""
    """What it answers instead, '' for its price."""
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        await self.hangs.wait()
        if self.price is None:
            return web.Response(status=503)
        return web.Response(text=self.text or json.dumps({"last": str(self.price)}), content_type="application/json")


@asynccontextmanager
async def exchanges(*prices: float) -> AsyncIterator[list[Exchange]]:
    found, runners = [Exchange(price) for price in prices], []
    for one in found:
        one.hangs.set()
        app = web.Application()
        app.router.add_get("/", one.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/#last"
        runners.append(runner)
    try:
        yield found
    finally:
        for one in found:
            one.hangs.set()
        for runner in runners:
            await runner.cleanup()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_price_is_the_median_and_of_two_in_the_middle_the_lower() -> None:
    async with exchanges(2500.0, 2700.0, 2501.0, 2502.0) as found:
        prices = ExternalPrice(tuple(price_source(one.url) for one in found), 2.0)
        await prices.refresh()
        assert (prices.price6, prices.problem) == (2_501_000_000, "")


async def test_source_that_fails_is_left_out_once_its_price_is_old_and_the_others_go_on() -> None:
    async with exchanges(2500.0, 2600.0) as (first, second):
        clock = Clock()
        prices = ExternalPrice((price_source(first.url), price_source(second.url)), 2.0, clock)
        await prices.refresh()
        assert prices.price6 == 2_500_000_000
        first.price = None
        clock.now += 2.5
        await prices.refresh()
        assert prices.price6 == 2_600_000_000
        second.text = "{}"
        clock.now += 2.5
        await prices.refresh()
        assert prices.price6 is None
        assert prices.problem.startswith("no price source has a price younger than 2 s: ")
        assert "responded with status 503" in prices.problem
        assert "has no price at last" in prices.problem
        first.price = 2510.0
        await prices.refresh()
        assert (prices.price6, prices.problem) == (2_510_000_000, "")


async def test_source_that_hangs_does_not_hold_up_the_others() -> None:
    async with exchanges(2500.0, 2600.0) as (first, second):
        prices = ExternalPrice((price_source(first.url), price_source(second.url)), 60.0)
        first.hangs.clear()
        watching = asyncio.create_task(prices.watch())
        await until(lambda: prices.price6 == 2_600_000_000, "the second source")
        second.price = 2601.0
        await until(lambda: prices.price6 == 2_601_000_000, "its next price")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_run_follows_an_external_price_and_holds_while_there_is_none(rig: Rig) -> None:
    async with exchanges(2500.0) as (source,), ticking(rig.venue):
        options: dict[str, Any] = {
            "anchor": AnchorSource.EXTERNAL,
            "price_sources": (source.url,),
            "price_max_age_s": 1.0,
        }
        engine = await rig.packed(**options, price_band_percent=50.0)
        run = run_of(engine)
        assert run.context.plan.anchor_x2 == 2 * 2_500_000_000
        source.price = 2600.0
        await until(lambda: run.context.plan.anchor_x2 == 2 * 2_600_000_000, "the new price")
        source.price = None
        await until(lambda: run.state is EngineState.NO_NEW, "the run to hold")
        assert "no price source has a price younger than 1 s" in run.reason
        assert "status 503" in run.reason
        source.price = 2550.0
        await until(lambda: run.state is EngineState.RUNNING, "the run to go on")
        assert run.context.counters.errors_by_kind["price sources unavailable"] == 1


async def test_price_far_from_the_venues_mark_holds_the_run(rig: Rig) -> None:
    async with exchanges(2500.0) as (source,), ticking(rig.venue):
        engine = await rig.packed(anchor=AnchorSource.EXTERNAL, price_sources=(source.url,))
        source.price = 5000.0
        run = run_of(engine)
        await until(lambda: run.state is EngineState.NO_NEW, "the run to hold")
        assert "prices are" in run.reason
        assert "price sources 5,000.00" in run.reason
