"""A handful of forced failures of each kind; `python -m tests.crash.canary` forces them by the hundred."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.crash.canary import WALLETS, Canary, Result


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    directory = tmp_path_factory.mktemp("canary")
    options = VenueOptions(wallets=WALLETS, block_time=0.2, traders=False)
    with VenueProcess.spawn(options, write_dir=directory / "venue"):
        yield Canary(directory / "venue", directory / "operator", random.Random(7))


@pytest.mark.parametrize(
    ("where", "failure"),
    [
        ("ama_tui/keys/signer", "plain"),
        ("ama_tui/ui/", "telling"),
        ("ama_tui/engine/", "base"),
        ("ama_tui/keys/wallet_csv", "group"),
        ("ama_tui/cli/", "signal"),
        ("ama_tui/keys/vault", "telling"),
    ],
)
def test_forced_failure_leaves_no_trace_of_a_key(canary: Canary, where: str, failure: str) -> None:
    result = Result()
    canary.force(where, failure, result)
    assert result.found == []
    assert dict(result.forced) == {failure: 1}


def test_broken_wallets_file_leaves_no_trace_of_a_key(canary: Canary) -> None:
    result = Result()
    canary.spoil(result)
    assert result.found == []


def test_screenshot_and_log_of_textual_show_no_key_even_when_allowed(canary: Canary) -> None:
    result = Result()
    canary.picture(result)
    assert result.found == []
