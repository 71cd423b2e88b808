"""Stopped at any moment and started again: the same run, no duplicate session, no duplicate order."""

from __future__ import annotations

import random
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import assert_each_level_once, count_orders
from tests.e2e.operator import PACK, Operator, Running
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue

GO_ON = ("run", "--headless", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80")
"""A run that ends only on request."""


def wait_for_more_lines(operator: Operator, running: Running, lines: int) -> None:
    """Wait until the journal has this many more lines."""
    wanted = len(operator.journal()) + lines
    running.until(f"{lines} more lines of the journal", lambda: len(operator.journal()) >= wanted)


def assert_whole(venue: ServedVenue, symbol: str, operator: Operator, run_id: str) -> None:
    """Ten wallets with one session each and every level once, all from one run."""
    client = venue.client
    assert count_orders(client, symbol, client.keys) == 120
    assert_each_level_once(client, symbol, client.keys, 6)
    assert client.sessions_made(*client.addresses()) == [1] * 10
    asked = [line for line in operator.journal() if line.get("params", {}).get("method") == "sessionInit"]
    # A run that resumes before the next block requests the same sessions again, by the same permits.
    assert len({line["params"]["sessionId"] for line in asked}) == 10
    assert {line["runId"] for line in operator.journal()} == {run_id}


def assert_profile_shows_the_run(operator: Operator) -> None:
    """The run's profile was written, and has samples of the engine's cycle."""
    text = (operator.directory / "profile.txt").read_text()
    assert re.search(r"^MainThread;\S*ama_tui\.\S+ \d+$", text, re.MULTILINE)


def test_repeatedly_interrupted_run_resumes_as_one_run(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(block_time=0.3))
    operator = operators(venue)
    moments = [random.randint(1, 20), random.randint(10, 60)]
    run_ids = set()
    for moment in moments:
        running = operator.start(*GO_ON, "--resume", "--market", "BNB-USD")
        wait_for_more_lines(operator, running, moment)
        running.signal(signal.SIGINT)
        stopped = running.wait()
        assert stopped.code == 0, (moments, stopped.err)
        assert "stopping" in stopped.err
        assert (stopped.summary["state"], stopped.summary["pending"], stopped.summary["unknown"]) == ("STOPPED", 0, 0)
        run_ids.add(stopped.summary["runId"])
    last = operator.ama(*PACK, "--resume", "--market", "BNB-USD").packed()
    run_ids.add(last["runId"])
    assert len(run_ids) == 1, moments
    assert_whole(venue, "BNB-USD", operator, last["runId"])


def test_killed_run_resumes_without_an_extra_session_or_order(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(block_time=1.0, receipt_wait=0.0))
    operator = operators(venue)
    run_ids = set()
    # Once with ten sessions requested, once with orders that are in no block yet.
    for lines, pause in ((11, 0.3), (20, 0.0)):
        running = operator.start(*GO_ON, "--resume", "--settle-after", "4", "--market", "BNB-USD")
        wait_for_more_lines(operator, running, lines)
        time.sleep(pause)
        running.signal(signal.SIGKILL)
        assert running.wait().code == -signal.SIGKILL
        run_ids.add(operator.checkpoint()["run"]["runId"])
    last = operator.ama(*PACK, "--resume", "--settle-after", "4", "--market", "BNB-USD").packed()
    assert run_ids == {last["runId"]}
    assert_whole(venue, "BNB-USD", operator, last["runId"])


def test_second_interrupt_exits_at_once_and_the_next_run_knows_the_pending_orders(
    serve: ServeVenue, operators: NewOperator
) -> None:
    venue = serve(VenueOptions(wallets=3, block_time=2.0, receipt_wait=0.0))
    operator = operators(venue)
    running = operator.start(*GO_ON, "--market", "BNB-USD", "--orders-per-side", "2", "--profile", "profile.txt")
    running.until("an order", lambda: any(line["action"] == "PLACE_LIMIT" for line in operator.journal()))
    running.signal(signal.SIGINT)
    running.until("its word", lambda: "press again to quit now" in running.err)
    running.signal(signal.SIGINT)
    left = running.wait()
    assert (left.code, left.out) == (130, "")
    assert_profile_shows_the_run(operator)
    small = ("--market", "BNB-USD", "--orders-per-side", "2")
    last = operator.ama(*PACK, "--resume", "--settle-after", "5", *small).packed()
    assert last["runId"] == operator.journal()[0]["runId"]
    assert_each_level_once(venue.client, "BNB-USD", venue.client.keys, 2)


@pytest.mark.parametrize(("number", "symbol"), [(signal.SIGTERM, "SPX-USD"), (signal.SIGHUP, "NDX-USD")])
def test_other_signals_stop_cleanly_too(operator: Operator, number: signal.Signals, symbol: str) -> None:
    small = ("--wallets", "1", "--orders-per-side", "1")
    running = operator.start(*GO_ON, "--market", symbol, *small, "--profile", "profile.txt")
    running.until("2 orders", lambda: "resting 2/2" in running.err)
    running.signal(number)
    stopped = running.wait()
    assert stopped.code == 0
    assert (stopped.summary["state"], stopped.summary["resting_bids"]) == ("STOPPED", 1)
    assert "2 orders stay on the book" in stopped.err
    assert_profile_shows_the_run(operator)


def test_cancel_on_stop_leaves_an_empty_book(operator: Operator, shared_venue: ServedVenue) -> None:
    running = operator.start(
        *GO_ON, "--market", "GAS-USD", "--wallets", "2", "--orders-per-side", "1", "--cancel-on-stop"
    )
    running.until("4 orders", lambda: "resting 4/4" in running.err)
    running.signal(signal.SIGINT)
    stopped = running.wait()
    assert stopped.code == 0
    assert (stopped.summary["resting_bids"], stopped.summary["resting_asks"]) == (0, 0)
    assert count_orders(shared_venue.client, "GAS-USD", shared_venue.client.keys) == 0


def test_venue_lost_during_a_run_is_reported_and_the_run_can_still_be_stopped(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "venue")
    try:
        venue = operator.start("venue", "--write", ".", "--block-time", "0.2", "--wallets", "1")
        venue.until("its files", (operator.directory / ".env").is_file)
        running = operator.start(*GO_ON, "--market", "BNB-USD", "--orders-per-side", "1")
        running.until("2 orders", lambda: "resting 2/2" in running.err)
        venue.signal(signal.SIGTERM)
        assert venue.wait().code == 0
        running.until("its word on that", lambda: "RPC_URL" in running.err)
        running.signal(signal.SIGINT)
        stopped = running.wait()
    finally:
        operator.end()
    assert stopped.code == 0
    assert (stopped.summary["state"], stopped.summary["resting_bids"]) == ("STOPPED", 1)
    assert stopped.summary["errors"] > 0
    assert "Traceback" not in stopped.err


@pytest.mark.slow
def test_interrupt_while_sessions_are_slow_gives_up_and_the_next_run_finds_them(
    serve: ServeVenue, operators: NewOperator
) -> None:
    venue = serve(VenueOptions(wallets=2, block_time=20.0))
    operator = operators(venue)
    small = ("--market", "BNB-USD", "--orders-per-side", "1")
    running = operator.start(*GO_ON, *small)
    wait_for_more_lines(operator, running, 3)
    running.signal(signal.SIGINT)
    given_up = running.wait()
    assert (given_up.code, given_up.out) == (130, "")
    assert given_up.err.splitlines()[-1] == "stopped before the run started"
    run_id = operator.checkpoint()["run"]["runId"]
    resumed = operator.ama(*PACK, *small, "--resume").packed()
    assert (resumed["runId"], resumed["resting_bids"]) == (run_id, 2)
    assert venue.client.sessions_made(*venue.client.addresses()) == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("run", "--headless", "--until", "packed"), 5, "not packed within 1 s: the run has not even started"),
        (("cancel-all", "--market", "BNB-USD"), 3, "could not be read within 1 s: nothing was cancelled"),
        (("sessions", "revoke", "--market", "all", "--all", "--yes"), 3, "within 1 s: nothing was revoked"),
    ],
)
def test_time_limit_covers_a_venue_that_accepts_connections_but_never_answers(
    operator: Operator, arguments: tuple[str, ...], code: int, says: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        operator.set_env(RPC_URL=f"http://127.0.0.1:{mute.getsockname()[1]}")
        done = operator.ama(*arguments, "--within", "1")
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert done.seconds < 30


def test_interrupt_before_anything_has_begun_leaves_nothing_behind(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=2, block_time=1.0))
    operator = operators(venue)
    operator.set_env(RPC_URL="http://127.0.0.1:1")
    running = operator.start(*GO_ON, "--market", "BNB-USD")
    running.signal(signal.SIGINT)
    left = running.wait()
    is_pythons_own_start = "Traceback" in left.err and "ama_tui/cli" not in left.err  # none of our code has run yet
    assert left.code in (130, 3, -signal.SIGINT) or is_pythons_own_start
    assert not operator.state.exists()
