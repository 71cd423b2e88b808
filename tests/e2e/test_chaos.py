"""Fault injection: responses are late, lost or wrong, and the fleet still ends up packed without duplicates."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.operator import PACK, Operator, Running

SETTLE_AFTER_S = "6"


@pytest.fixture
def somewhere(tmp_path: Path) -> Iterator[Operator]:
    """An operator with only a directory for temporary files."""
    operator = Operator(tmp_path / "somewhere")
    (operator.directory / "tmp").mkdir()
    yield operator
    operator.end()


def faults_of(running: Running, client_files: Path) -> str:
    """The URL that controls the faults of a venue, once it has written its files."""
    running.until("the venue serves", lambda: (client_files / ".env").exists())
    settings = dict(line.split("=", 1) for line in (client_files / ".env").read_text().splitlines() if "=" in line)
    return f"{settings['APP_URL']}/localnet/faults"


def shown(url: str) -> dict[str, Any]:
    state = httpx.get(url).json()
    assert isinstance(state, dict)
    return state


def test_demo_under_chaos_ends_packed_with_exactly_its_orders(somewhere: Operator) -> None:
    options = ("--wallets", "4", "--orders-per-side", "4", "--block-time", "0.2", "--settle-after", SETTLE_AFTER_S)
    temporary = somewhere.directory / "tmp"
    demo = somewhere.start("demo", *PACK[1:], *options, "--chaos", "--seed", "4", environ={"TMPDIR": str(temporary)})
    demo.until("the venue has a directory", lambda: any(temporary.glob("ama-demo-*")))
    (directory,) = temporary.glob("ama-demo-*")
    url = faults_of(demo, directory)
    faults = shown(url)["faults"]
    assert faults["seed"] == 4
    assert {"late", "lose_reply", "reorg"} <= {rule["fault"] for rule in faults["rules"]}
    seen: list[int] = []

    def has_struck() -> bool:
        seen.append(sum(shown(url)["struck"].values()))
        return seen[-1] >= 3

    demo.until("three faults", has_struck)
    summary = demo.wait().packed()
    assert (summary["resting_bids"], summary["resting_asks"], summary["target_orders"]) == (16, 16, 32)
    assert (summary["crossed"], summary["unknown"]) == (0, 0)


def test_chaos_of_a_venue_is_shown_and_turned_off_over_http(somewhere: Operator) -> None:
    venue = somewhere.start("venue", "--write", "client", "--wallets", "1", "--block-time", "0", "--chaos")
    url = faults_of(venue, somewhere.directory / "client")
    assert shown(url)["faults"]["rules"]
    httpx.delete(url)
    assert shown(url)["faults"]["rules"] == []
    venue.signal(signal.SIGINT)
    assert venue.wait().code == 0
