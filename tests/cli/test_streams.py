"""Standard streams that are closed, full, unread or without Unicode: the command continues, or one line says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.operator import PACK, Finished, Operator
from tests.e2e.warm import PROGRAM
from tests.locales import C, latin_1

SMALL = ("--wallets", "1", "--orders-per-side", "1")


def redirected(how: str) -> tuple[str, ...]:
    """The program with its streams redirected as a shell would."""
    return ("sh", "-c", f'exec "$0" "$@" {how}', *PROGRAM)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where crash reports would be written."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def assert_ran(operator: Operator, done: Finished, home: Path) -> None:
    assert done.packed()["resting_bids"] >= 1  # other tests may have left orders on this market
    assert len(done.out.splitlines()) == 1
    assert not home.exists()
    assert operator.ama("journal", "verify").code == 0


@pytest.mark.parametrize(("how", "symbol"), [("2>&-", "NEAR-USD"), ("2>/dev/full", "ARB-USD"), ("<&- 2>&-", "DOT-USD")])
def test_run_needs_no_stderr(operator: Operator, home: Path, how: str, symbol: str) -> None:
    done = operator.ama(*PACK, *SMALL, "--market", symbol, program=redirected(how))
    assert_ran(operator, done, home)


def test_run_continues_when_the_reader_of_its_stderr_leaves(operator: Operator, home: Path) -> None:
    reader, writer = os.pipe()
    running = operator.start(*PACK, *SMALL, "--market", "LTC-USD", stderr=writer)
    os.close(writer)
    assert os.read(reader, 1)
    os.close(reader)
    assert_ran(operator, running.wait(), home)


def test_full_disk_under_stdout_is_reported_in_one_line(operator: Operator, home: Path) -> None:
    line = operator.ama("markets", program=redirected(">/dev/full")).refusal(1)
    assert line == "cannot write to stdout (No space left on device): free the disk, or write elsewhere"
    assert not home.exists()


def test_closed_reader_of_stdout_ends_the_command_quietly(operator: Operator, home: Path) -> None:
    done = operator.ama("markets", program=("sh", "-c", '{ "$0" "$@"; echo $? >&2; } | head -0; sleep 0.1', *PROGRAM))
    assert (done.out, done.err) == ("", "1\n")
    assert not home.exists()


@pytest.mark.parametrize("is_latin_1", [False, True])
def test_commands_work_in_any_locale(operator: Operator, tmp_path: Path, home: Path, is_latin_1: bool) -> None:
    environ = latin_1(tmp_path) if is_latin_1 else C
    commands = (["run", "--help"], ["markets"], ["doctor"], ["sessions", "list"], ["run", "--until", "soon"])
    shown = [operator.ama(*words, environ=environ) for words in commands]
    text = "".join(done.out + done.err for done in shown)
    assert text.isascii()
    codes = [done.code for done in shown]
    assert codes in ([0, 0, 0, 0, 2], [0, 0, 3, 0, 2]), text  # on a busy machine, the doctor may find the venue slow
    assert "0~600000" in text
    assert f"warn  characters   {'ISO8859-1' if is_latin_1 else 'ASCII'} lacks boxes" in text
    assert not home.exists()
