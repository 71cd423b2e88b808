"""Clearing the book, whatever the venue responds, without ever reporting more than the chain shows."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import pytest

from ama_tui.config.run_options import RunOptions
from ama_tui.engine.cancel.kill import CancelAll
from ama_tui.engine.connect import VenueSource
from ama_tui.engine.engine_api import EngineApi, KillReport, StartRequest
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.host import EngineHost
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import count_orders
from tests.e2e.flaky import Flaky, between
from tests.e2e.operator import PACK
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue

IS_LONG = os.environ.get("AMA_TUI_LONG") == "1"
WALLETS = 100 if IS_LONG else 10
"""`AMA_TUI_LONG=1` kills a hundred wallets with 1,200 orders on one-second blocks."""
BLOCK_S = 1.0 if IS_LONG else 0.3
RETRY_AFTER = "60" if IS_LONG else "1"
PATIENCE_S = 60.0 if IS_LONG else 40.0
KILLED_AT = 0.97 if IS_LONG else 0.6
"""The share of the orders sent when responses begin to fail; the others are still queued."""
SYMBOL = "ETH-USD"


@contextmanager
def running(venue: ServedVenue, state: Path, app_url: str) -> Iterator[EngineHost]:
    """A run in the engine's own thread, as in the dashboard."""

    def build(publisher: Publisher, freeze: Freeze) -> EngineApi:
        source = VenueSource(venue.directory, {"APP_URL": app_url}, WalletsSource(venue.directory / "wallets.csv"))
        return LocalEngine(EngineSettings(lambda: source, state, RunOptions(wallets=WALLETS)), publisher, freeze)

    async def start(engine: EngineApi) -> None:
        await engine.open()
        assert isinstance(engine, LocalEngine)
        await engine.start(StartRequest(await engine.market(SYMBOL), engine.defaults, False, WALLETS))

    host = EngineHost(build)
    host.start()
    try:
        host.call(start).result(300)
        yield host
    finally:
        assert host.close(60)


def survivors_on_chain(venue: ServedVenue) -> set[tuple[str, int]]:
    client = venue.client
    found = client.orders(SYMBOL, *client.addresses(client.keys[:WALLETS]))
    return {(wallet, order.order_id) for wallet, orders in found.items() for order in orders}


def test_kill_with_a_third_of_the_responses_failing_accounts_for_every_order(
    serve: ServeVenue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ama_tui.engine.run.run.CancelAll", partial(CancelAll, patience=PATIENCE_S))
    venue = serve(VenueOptions(wallets=WALLETS, block_time=BLOCK_S, receipt_wait=0.0, relayers=20))
    flaky = Flaky()
    with between(venue.client.app_url, flaky, RETRY_AFTER) as url, running(venue, tmp_path / "state", url) as host:
        deadline = monotonic() + 300
        while len(flaky.placements) < KILLED_AT * WALLETS * 12:
            assert monotonic() < deadline, host.publisher.latest
            sleep(0.01)
        flaky.rate = 0.3
        sleep(0.2)  # so that some requests are in flight and some unacknowledged
        asked_before, failed_before = flaky.asked, flaky.failed
        killed_at = monotonic()
        report: KillReport = host.kill_now().result(PATIENCE_S + 30)
        seconds = monotonic() - killed_at
        left = survivors_on_chain(venue)
        late = [moment - killed_at for moment in flaky.placements if moment > killed_at]
        flaky.rate = 0.0
    with capsys.disabled():
        if IS_LONG:
            asked, failed = flaky.asked - asked_before, flaky.failed - failed_before
            print(
                f"\nkill of {WALLETS} wallets, {len(flaky.placements)} orders sent: {seconds:.1f} s, last placement "
                f"{max(late, default=0):.3f} s after it, {failed} of {asked} answers failed: {report}"
            )
    assert not [moment for moment in late if moment > 3.0]
    assert {(one.wallet, one.order_id) for one in report.survivors} == left
    assert (report.is_proven, left) == (True, set())
    assert seconds < PATIENCE_S + 15


def test_cancel_all_with_half_of_the_responses_failing_clears_the_book_and_proves_it(
    serve: ServeVenue, operators: NewOperator
) -> None:
    venue = serve(VenueOptions(wallets=3, block_time=0.3))
    operator = operators(venue)
    operator.ama(*PACK, "--market", SYMBOL).packed()
    flaky = Flaky(rate=0.5)
    with between(venue.client.app_url, flaky, RETRY_AFTER) as url:
        operator.set_env(APP_URL=url)
        done = operator.ama("cancel-all", "--market", SYMBOL, "--json")
    assert done.code == 0, done.err
    assert done.summary["proven"], done.summary
    assert (done.summary["survivors"], done.summary["unread"], done.summary["unsettled"]) == ([], [], 0)
    assert count_orders(venue.client, SYMBOL, venue.client.keys) == 0
    assert "cancelling 36/36" in done.err
    assert flaky.failed > 5
    assert json.loads(done.out)["orderBook"] == venue.client.book(SYMBOL)


def test_cancel_all_after_a_crash_leaves_nothing_to_rest_later(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=3, block_time=1.0, receipt_wait=0.0, traders=False))
    operator = operators(venue)
    running = operator.start("run", "--headless", "--market", SYMBOL, "--min-delay-ms", "20", "--max-delay-ms", "80")
    running.until("orders on the wire", lambda: len(operator.journal()) > 25)
    running.signal(signal.SIGKILL)
    running.wait()
    done = operator.ama("cancel-all", "--market", SYMBOL, "--json", "--within", "10")
    assert (done.code, done.summary["proven"]) == (0, True), done.err
    sleep(2.5)
    assert count_orders(venue.client, SYMBOL, venue.client.keys) == 0
