"""`ama-tui doctor` as an operator sees it: columns, colours, JSON, exit codes, the terminal."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import termios
from contextlib import suppress

import pytest

from ama_tui.cli.doctor import format_row
from ama_tui.cli.terminal import characters_result, terminal_result
from tests.e2e.operator import Operator
from tests.e2e.warm import PROGRAM
from tests.sizes import PATIENCE_S

ROW = {
    "check": "vault",
    "status": "fail",
    "text": "no contract at the vault 0x" + "ab" * 20 + " of ETH-USD",
    "fix": "choose another market, or ask the venue's operator",
}
DEAD = "http://127.0.0.1:1"


def test_long_row_wraps_in_its_column_and_the_fix_follows_an_arrow() -> None:
    assert format_row(ROW, 11, 80).splitlines() == [
        "fail  vault        no contract at the vault",
        "                   0x" + "ab" * 20 + " of ETH-USD",
        "                   → choose another market, or ask the venue's operator",
    ]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    row = {**ROW, "text": "word " * 60, "fix": "fix-it " * 45}
    lines = format_row(row, 11, width).splitlines()
    assert max(map(len, lines)) <= width
    assert {line[:19].strip() for line in lines[1:]} == {""}


def test_piped_output_has_one_line_per_check() -> None:
    assert format_row(ROW, 11, None) == f"fail  vault        {ROW['text']} → {ROW['fix']}"
    assert format_row({**ROW, "status": "ok", "fix": ""}, 11, None) == f"ok    vault        {ROW['text']}"


def test_healthy_venue_has_only_ok_lines_and_exit_code_0(operator: Operator) -> None:
    answer = operator.ama("doctor", "--market", "ETH-USD")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(lines)
    assert len(lines) == 22
    assert not operator.state.exists()


def test_json_lists_every_check_and_a_failure_exits_with_3(operator: Operator) -> None:
    operator.set_env(APP_URL=f"{DEAD}/0123456789abcdef0123456789abcdef")
    answer = operator.ama("doctor", "--json")
    assert (answer.code, answer.err) == (3, "")
    rows = json.loads(answer.out)
    assert {tuple(row) for row in rows} == {("check", "status", "text", "fix")}
    assert [row["check"] for row in rows if row["status"] == "fail"] == ["API"]
    assert "skip" in {row["status"] for row in rows}
    assert "0123456789abcdef" not in answer.out
    plain = operator.ama("doctor")
    assert plain.code == 3
    assert [line.split()[:2] for line in plain.out.splitlines() if line.startswith("fail")] == [["fail", "API"]]


def test_warning_alone_exits_with_0(operator: Operator) -> None:
    (operator.state / "31337" / ("0x" + "b0" * 20)).mkdir(parents=True)
    lock = operator.state / "31337" / ("0x" + "b0" * 20) / "lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = operator.ama("doctor", "--market", "ETH-USD")
    assert answer.code == 0
    assert [line.split()[1] for line in answer.out.splitlines() if line.startswith("warn")] == ["state"]


@pytest.mark.parametrize("arguments", [("--wallets", "0"), ("--nope",), ("surplus",)])
def test_bad_usage_is_one_line_and_exit_code_2(operator: Operator, arguments: tuple[str, ...]) -> None:
    assert "ama-tui doctor --help" in operator.ama("doctor", *arguments).refusal(2)


def test_encoding_without_arrows_falls_back_to_ascii(operator: Operator) -> None:
    operator.set_env(RPC_URL=DEAD, APP_URL=DEAD)
    answer = operator.ama("doctor", environ={"PYTHONIOENCODING": "latin-1"})
    assert (answer.code, answer.err) == (3, "")
    assert "> check that the node is running" in answer.out


def test_doctor_ends_in_time_even_if_node_api_and_wallets_file_all_hang(operator: Operator) -> None:
    os.mkfifo(operator.directory / "pipe.csv", 0o600)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        operator.set_env(RPC_URL=url, APP_URL=url)
        answer = operator.ama("doctor", "--json", "--csv", "pipe.csv")
    assert (answer.code, answer.err) == (3, "")
    assert answer.seconds < 60
    rows = {row["check"]: row for row in json.loads(answer.out)}
    assert [name for name, row in rows.items() if row["status"] == "fail"] == ["RPC", "API", "wallets"]
    assert rows["RPC"]["text"] == "no response within 5 s"
    assert rows["RPC"]["fix"] == "check that the node is running and RPC_URL is correct"


@pytest.mark.parametrize(
    ("size", "environ", "status", "says"),
    [
        ((80, 24), {"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "ok", "80×24, 16 million colours"),
        ((200, 60), {"TERM": "xterm-256color"}, "ok", "256 colours"),
        ((80, 24), {"TERM": "linux"}, "ok", "16 colours (TERM is linux)"),
        ((80, 24), {"TERM": "xterm", "NO_COLOR": "1"}, "ok", "no colours (NO_COLOR is set)"),
        ((80, 24), {"TERM": "dumb"}, "warn", "no colours (TERM is dumb)"),
        ((80, 24), {}, "warn", "no colours (TERM is not set)"),
        ((79, 24), {"TERM": "xterm-256color"}, "fail", "79×24"),
        ((80, 23), {"TERM": "xterm-256color"}, "fail", "80×23"),
        (None, {}, "ok", "no terminal"),
    ],
)
def test_terminal_is_judged_by_size_and_colours(
    size: tuple[int, int] | None, environ: dict[str, str], status: str, says: str
) -> None:
    result = terminal_result(size, environ)
    assert result.status.value == status
    assert says in result.text


@pytest.mark.parametrize(
    ("encoding", "status", "says"),
    [("utf8", "ok", "UTF-8"), ("latin-1", "warn", "ISO8859-1 lacks boxes, bars and arrows")],
)
def test_encoding_is_judged_by_the_characters_it_has(encoding: str, status: str, says: str) -> None:
    result = characters_result(encoding)
    assert result.status.value == status
    assert result.text.startswith(says)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_statuses_are_coloured_on_a_terminal_unless_no_color_is_set(operator: Operator, no_color: str) -> None:
    operator.set_env(RPC_URL=DEAD, APP_URL=DEAD)
    code, shown = on_a_terminal(operator, 20, 80, NO_COLOR=no_color, TERM="xterm-256color")
    assert code == 3
    assert ("\x1b[31mfail\x1b[0m" in shown) is not bool(no_color)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, plain)) <= 80
    assert "fail  terminal     80×20" in "\n".join(plain)


def on_a_terminal(operator: Operator, rows: int, columns: int, **environ: str) -> tuple[int, str]:
    """Run the doctor on a terminal of this size for all three streams; its exit code and output."""
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    around = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    child = subprocess.Popen(
        [*PROGRAM, "doctor"],
        cwd=operator.directory,
        env={**around, **environ},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    with os.fdopen(screen, "rb", buffering=0) as reader, suppress(OSError):  # EIO: the other end was closed
        while piece := reader.read(65_536):
            shown += piece
    return child.wait(PATIENCE_S), shown.decode()
