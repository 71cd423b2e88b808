"""Shared by the tests of bad input: a venue, a stored run that must survive, and servers that are not venues."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from ama_tui.cli.main import main
from tests.cli.impostor import Answer, Impostor
from tests.e2e.operator import PACK, VENUE_NAMES, Finished, Operator, hashes
from tests.e2e.venues import ServedVenue, operator, operators, serve, serve_for_session, shared_venue

__all__ = ["operator", "operators", "serve", "serve_for_session", "shared_venue"]

SYMBOL = "LINK-USD"
SMALL = ("--wallets", "1", "--orders-per-side", "1")
RUN = (*PACK, "--market", SYMBOL, *SMALL)
"""A run of one wallet with two orders on the stored run's market."""


@dataclass(frozen=True)
class StoredRun:
    """An operator with a run on disk, and what was on disk at that time."""

    operator: Operator
    before: dict[str, str]

    def assert_untouched(self) -> None:
        """Not a byte of the state directory changed, and no file came or went."""
        assert hashes(self.operator.state) == self.before

    def assert_nothing_lost(self) -> None:
        """Every file of the state directory is unchanged; others may have been added."""
        assert self.before.items() <= hashes(self.operator.state).items()


@pytest.fixture(scope="session")
def packed_once(shared_venue: ServedVenue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """One packed run, to be copied."""
    operator = shared_venue.operator(tmp_path_factory.mktemp("stored") / "operator")
    operator.ama(*RUN).packed()
    yield operator
    operator.end()


@pytest.fixture
def stored_run(packed_once: Operator, operator: Operator) -> StoredRun:
    """An operator with a copy of the packed run's state."""
    shutil.copytree(packed_once.state, operator.state)
    return StoredRun(operator, hashes(operator.state))


Ama = Callable[..., Finished]


@pytest.fixture
def ama_here(
    stored_run: StoredRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ama]:
    """Runs the program in the test's process, in the stored run's directory, where it must change nothing."""
    monkeypatch.chdir(stored_run.operator.directory)
    for name in VENUE_NAMES:
        monkeypatch.delenv(name, raising=False)

    def ama(*arguments: str) -> Finished:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        said = capsys.readouterr()
        stored_run.operator.assert_no_key_in(said.out + said.err, "what it said")
        return Finished(ended.value.code, said.out, said.err, 0.0)

    yield ama
    stored_run.assert_untouched()


@pytest.fixture
def impostor() -> Iterator[Callable[[Answer], str]]:
    """Starts servers that give one answer to every request; the result is their URL."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(Impostor(answer)).url
