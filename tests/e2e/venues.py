"""Venues as real processes, and their operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.e2e.client import OtherClient
from tests.e2e.operator import Operator


@dataclass(frozen=True)
class ServedVenue:
    """A running venue: the directory of its files, and an independent client of it."""

    directory: Path
    client: OtherClient

    def operator(self, directory: Path) -> Operator:
        """An operator with the venue's files in a separate directory."""
        return Operator(directory, self.directory)


ServeVenue = Callable[[VenueOptions], ServedVenue]
NewOperator = Callable[[ServedVenue], Operator]


@pytest.fixture(scope="session")
def serve_for_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeVenue]:
    """Starts venues that live as long as the test session."""
    with ExitStack() as stack:
        yield lambda options: _serve(stack, tmp_path_factory.mktemp("venue"), options)


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeVenue]:
    """Starts venues that live as long as one test."""
    with ExitStack() as stack:
        yield lambda options: _serve(stack, tmp_path_factory.mktemp("venue"), options)


@pytest.fixture(scope="session")
def shared_venue(serve_for_session: ServeVenue) -> ServedVenue:
    """One venue for many tests, with five blocks a second and no other traders: each test uses its own market."""
    return serve_for_session(VenueOptions(block_time=0.2, traders=False))


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[NewOperator]:
    """Creates operators; what they left running is ended, and no file they left may hold a key."""
    made: list[Operator] = []

    def make(venue: ServedVenue) -> Operator:
        made.append(venue.operator(tmp_path / f"operator-{len(made)}"))
        return made[-1]

    yield make
    for operator in made:
        operator.end()


@pytest.fixture
def operator(operators: NewOperator, shared_venue: ServedVenue) -> Operator:
    """An operator of the shared venue."""
    return operators(shared_venue)


def _serve(stack: ExitStack, directory: Path, options: VenueOptions) -> ServedVenue:
    stack.enter_context(VenueProcess.spawn(options, write_dir=directory))
    return ServedVenue(directory, stack.enter_context(OtherClient(directory)))
