"""The demo brings its own venue and removes it however the demo ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.operator import PACK, Operator, Running
from tests.sizes import PATIENCE_S, SLOW_MACHINE

DEMO = ("demo", "--headless", "--json", "--wallets", "2", "--orders-per-side", "2", "--block-time", "0.3")


@pytest.fixture
def somewhere(tmp_path: Path) -> Iterator[Operator]:
    """An operator with only a directory for temporary files."""
    operator = Operator(tmp_path / "somewhere")
    (operator.directory / "tmp").mkdir()
    yield operator
    operator.end()


def start_demo(operator: Operator, *arguments: str) -> Running:
    return operator.start(*arguments, environ={"TMPDIR": str(operator.directory / "tmp")})


def wait_until_packed(demo: Running) -> list[psutil.Process]:
    """Wait for the orders; returns the processes of the demo's venue."""
    demo.until("8 orders", lambda: "resting 8/8" in demo.err)
    venue: list[psutil.Process] = psutil.Process(demo.pid).children(recursive=True)
    assert venue
    return venue


def test_interrupt_of_the_whole_process_group_stops_the_demo_cleanly(somewhere: Operator) -> None:
    demo = start_demo(somewhere, *DEMO)
    venue = wait_until_packed(demo)
    os.killpg(demo.pid, signal.SIGINT)
    stopped = demo.wait()
    assert stopped.code == 0
    assert (stopped.summary["state"], stopped.summary["pending"]) == ("STOPPED", 0)
    assert stopped.summary["errors_by_kind"].keys() <= SLOW_MACHINE
    assert psutil.wait_procs(venue, timeout=PATIENCE_S)[1] == []
    assert list((somewhere.directory / "tmp").iterdir()) == []


def test_venue_of_a_killed_demo_ends_by_itself(somewhere: Operator) -> None:
    demo = start_demo(somewhere, *DEMO)
    venue = wait_until_packed(demo)
    demo.signal(signal.SIGKILL)
    demo.wait()
    assert psutil.wait_procs(venue, timeout=PATIENCE_S)[1] == []


def test_demo_saves_its_run_only_in_a_given_state_directory(somewhere: Operator) -> None:
    options = ("--wallets", "1", "--orders-per-side", "1", "--block-time", "0", "--state-dir", "kept")
    demo = start_demo(somewhere, "demo", *PACK[1:], *options).wait()
    assert demo.packed()["resting_bids"] == 1
    kept = [path.name for path in (somewhere.directory / "kept").glob("31337/0x*/*.json*")]
    assert sorted(kept) == ["actions.jsonl", "checkpoint.json"]
    assert list((somewhere.directory / "tmp").iterdir()) == []
