"""The program's own help and version, without a venue or any files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ama_tui import __version__
from tests.e2e.operator import Operator


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Operator]:
    """An operator with no files at all."""
    operator = Operator(tmp_path / "nowhere")
    yield operator
    operator.end()


def test_version_is_the_packages(nowhere: Operator) -> None:
    answer = nowhere.ama("--version")
    assert (answer.code, answer.out, answer.err) == (0, f"ama-tui, version {__version__}\n", "")


def test_every_listed_command_has_help(nowhere: Operator) -> None:
    answer = nowhere.ama("--help")
    assert answer.code == 0
    commands = re.findall(r"^  ([a-z-]+)  ", answer.out.partition("Commands:")[2], re.MULTILINE)
    assert {"demo", "run", "markets", "venue"} <= set(commands)
    for command in commands:
        described = nowhere.ama(command, "--help")
        assert described.code == 0
        assert described.out.startswith(f"Usage: ama-tui {command} ")
        assert described.err == ""


def test_help_of_run_shows_every_parameter_with_its_range_and_default(nowhere: Operator) -> None:
    text = " ".join(nowhere.ama("run", "--help").out.split())
    assert "--orders-per-side INTEGER Orders a wallet keeps on each side, 1…50 [6]." in text
    assert "--max-utilization FLOAT" in text
    assert "0.02…0.9 [0.2]" in text


def test_unknown_command_is_refused(nowhere: Operator) -> None:
    assert nowhere.ama("frobnicate").refusal(2) == "No such command 'frobnicate': see 'ama-tui --help'"
