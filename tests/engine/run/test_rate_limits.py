"""Whole runs at a venue and a node that limit requests: shown as a wait, not as an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ama_tui.cli.progress import describe
from ama_tui.domain.event import EngineState
from ama_tui.engine.run.local_engine import LocalEngine
from ama_tui.localnet.faults.rules import NO_FAULTS, FaultRule, Faults
from tests.engine.rig import Rig, cycles_later, log_lines, rig_of, run_of, until
from tests.venue.servers import serving


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.engine.rate_limit_watch.QUIET_S", 0.5)


def about_limits(engine: LocalEngine) -> list[str]:
    return [line for line in log_lines(engine) if "limit" in line]


async def assert_told_once(rig: Rig, engine: LocalEngine, host: str) -> None:
    """The limit began and ended once, cost no error, and is in the summary; the orders are as planned."""
    await until(lambda: any("is over after" in line for line in log_lines(engine)), "the end of the limit")
    assert len(about_limits(engine)) == 2, about_limits(engine)
    begun, ended = about_limits(engine)
    assert begun.startswith(f"the {host} limits requests: ")
    assert ended.startswith(f"the {host}'s rate limit is over after ")
    totals = run_of(engine).context.counters.totals
    assert (totals.errors, totals.rejected) == (0, 0)
    limits: Any = engine.summary()["rate_limits"]
    assert list(limits) == [host]
    assert limits[host]["refused"] > 0
    assert engine.publisher.latest.rate_limits == ()
    await rig.check_placements(2)


async def test_rate_limit_of_the_venue_is_shown_as_a_wait(tmp_path: Path) -> None:
    async with rig_of(tmp_path) as rig:
        engine = await rig.packed()
        rule = FaultRule("rate_limit", on=("place", "get"), seconds=(1.0, 1.0))
        await rig.venue.set_faults(Faults((rule,)))
        await rig.venue.take("ETH-USD", False, 5 * 10**18)
        await until(lambda: engine.publisher.latest.rate_limits, "the limit to be shown")
        (wait,) = engine.publisher.latest.rate_limits
        assert (wait.host, wait.text(wait.asked_s)) == ("venue", "waiting for the venue's rate limit (1 s)")
        assert "waiting for the venue's rate limit (1 s)" in describe(engine.publisher.latest)
        await cycles_later(engine, 20)
        await rig.venue.set_faults(NO_FAULTS)
        await until(lambda: run_of(engine).packed, "the fleet to be packed again")
        await assert_told_once(rig, engine, "venue")


async def test_rate_limit_during_the_start_is_waited_out(tmp_path: Path) -> None:
    async with rig_of(tmp_path) as rig:
        rule = FaultRule("rate_limit", on=("get", "init", "place"), nth=(1, 2, 4, 5, 8, 9, 11), seconds=(1.0, 1.0))
        await rig.venue.set_faults(Faults((rule,)))
        engine = await rig.packed()
        await assert_told_once(rig, engine, "venue")
        assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [1, 1, 1]


@pytest.mark.parametrize("share", [1.0, 0.3], ids=["every call", "some calls of a batch"])
async def test_rate_limit_of_the_node_is_a_wait_and_nothing_is_placed_blindly(
    tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tui.engine.run.outages.STALE_AFTER_S", 1.0)
    is_limited = False

    async def node(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        async with forward.post(rig.venue.rpc_url, json=body) as answer:
            said = await answer.json()
        if not is_limited:
            return web.json_response(said)
        answers = said if isinstance(said, list) else [said]
        for one in answers[: max(1, int(share * len(answers)))]:
            one.pop("result", None)
            one["error"] = {"code": -32005, "message": "limit exceeded"}
        return web.json_response(said)

    async with rig_of(tmp_path) as rig, ClientSession() as forward, serving(node) as url:
        rig.environ["RPC_URL"] = url
        engine = await rig.packed()
        sent = run_of(engine).context.counters.totals.sent
        is_limited = True
        await until(lambda: run_of(engine).state is EngineState.NO_NEW, "the run to hold")
        latest = engine.publisher.latest
        assert "chain not read for 1 s" in latest.reason
        assert [wait.host for wait in latest.rate_limits] == ["node"]
        assert run_of(engine).context.counters.totals.sent == sent
        is_limited = False
        await until(lambda: run_of(engine).state is EngineState.RUNNING, "the run to continue")
        await assert_told_once(rig, engine, "node")
