"""No core dumps, and no debug variables next to real keys."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import textual

from ama_tui.cli.hardening import DEBUG_VARIABLES, refuse_debugging
from ama_tui.cli.main import COMMANDS
from ama_tui.domain.errors import ConfigError
from tests.e2e.operator import Operator

HARMLESS = {
    "ESCDELAY",
    "TEXTUAL_ALLOW_SIGNALS",
    "TEXTUAL_ANIMATIONS",
    "TEXTUAL_COLOR_SYSTEM",
    "TEXTUAL_DIM_FACTOR",
    "TEXTUAL_DISABLE_KITTY_KEY",
    "TEXTUAL_FILTERS",
    "TEXTUAL_FPS",
    "TEXTUAL_SLOW_THRESHOLD",
    "TEXTUAL_SMOOTH_SCROLL",
    "TEXTUAL_SPEEDUPS",
    "TEXTUAL_THEME",
}
"""Variables of Textual that change its appearance and reveal nothing."""

WITHOUT_KEYS = {"demo", "journal", "markets", "sessions", "strategies", "venue"}
"""Commands that load no key, or only those of a local test venue."""

LEAST = {
    "cancel-all": ("cancel-all", "--market", "ETH-USD"),
    "run": ("run", "--headless"),
    "wallets": ("wallets",),
}
THEN = {"wallets": (("check",), "wallets.csv not found")}
"""What comes after the options, and the output once the variable is allowed."""


def test_every_variable_of_textual_is_known() -> None:
    sources = Path(textual.__file__).parent.rglob("*.py")
    read = {name for path in sources for name in re.findall(r"\"(TEXTUAL(?:_[A-Z_]+)?|ESCDELAY)\"", path.read_text())}
    assert {"TEXTUAL", "TEXTUAL_PRESS"} <= read
    assert read - HARMLESS - set(DEBUG_VARIABLES) == set()


@pytest.mark.parametrize("name", DEBUG_VARIABLES)
def test_debug_variable_is_refused_by_name_unless_allowed(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        refuse_debugging({name: "1"}, is_allowed=False)
    assert str(refused.value).startswith(f"{name} must not be set while real keys are loaded: it ")
    assert str(refused.value).endswith(": unset it or add --allow-debug")
    refuse_debugging({name: "1"}, is_allowed=True)
    refuse_debugging({name: ""}, is_allowed=False)
    refuse_debugging({"TEXTUAL_THEME": "nord", "PYTHONFAULTHANDLER": "1"}, is_allowed=False)


def test_two_debug_variables_are_named_together() -> None:
    with pytest.raises(ConfigError, match="TEXTUAL_LOG and TEXTUAL_PRESS must not be set"):
        refuse_debugging({"TEXTUAL_PRESS": "f10", "TEXTUAL_LOG": "x"}, is_allowed=False)


@pytest.fixture
def nowhere(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "nowhere")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - WITHOUT_KEYS - {"doctor"}))
def test_every_command_that_loads_keys_refuses_debug_variables(command: str, nowhere: Operator) -> None:
    rest, said = THEN.get(command, ((), "missing RPC_URL"))
    refused = nowhere.ama(*LEAST[command], *rest, environ={"TEXTUAL_LOG": "x"}).refusal(2)
    assert refused.startswith("TEXTUAL_LOG must not be set while real keys are loaded")
    assert not (nowhere.directory / "x").exists()
    allowed = nowhere.ama(*LEAST[command], "--allow-debug", *rest, environ={"TEXTUAL_LOG": "x"}).refusal(2)
    assert said in allowed


def test_doctor_skips_the_wallets_with_a_debug_variable_and_says_why(nowhere: Operator) -> None:
    found = nowhere.ama("doctor", "--json", environ={"TEXTUAL_LOG": "x"})
    wallets = next(row for row in json.loads(found.out) if row["check"] == "wallets")
    assert (found.code, wallets["status"]) == (3, "fail")
    assert wallets["text"].startswith("TEXTUAL_LOG must not be set while real keys are loaded")
    assert wallets["fix"] == "unset it or add --allow-debug"


def test_dashboard_refuses_debug_variables_before_anything_else(nowhere: Operator) -> None:
    refused = nowhere.ama(environ={"TEXTUAL_PRESS": "f10"}).refusal(2)
    assert refused.startswith(
        "TEXTUAL_PRESS must not be set while real keys are loaded: it types keys into the dashboard"
    )
    assert "needs a terminal" in nowhere.ama("--allow-debug", environ={"TEXTUAL_PRESS": "f10"}).refusal(2)


def test_demo_and_commands_without_keys_accept_debug_variables(nowhere: Operator) -> None:
    assert "missing RPC_URL" in nowhere.ama("markets", environ={"TEXTUAL_LOG": "x"}).refusal(2)
    demo = nowhere.ama("demo", "--headless", "--until", "never", environ={"TEXTUAL_LOG": "x"})
    assert demo.refusal(2).startswith("--until is 'never'")


@pytest.mark.parametrize("flag", ["dev", "i"])
def test_python_flags_count_as_their_variables(flag: str, nowhere: Operator) -> None:
    option = ("-X", "dev") if flag == "dev" else ("-i",)
    program = (sys.executable, *option, "-P", "-m", "ama_tui")
    refused = nowhere.ama("run", "--headless", program=program)
    assert ("PYTHONDEVMODE" if flag == "dev" else "PYTHONINSPECT") in refused.err.splitlines()[0]


def allow_core_dumps() -> None:
    hardest = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hardest, hardest))


def test_open_file_limit_is_raised_for_the_connections_of_a_large_fleet(tmp_path: Path) -> None:
    code = (
        "import resource\n"
        "from ama_tui.cli.hardening import allow_many_files\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "for soft in (256, 300):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, 3000))\n"
        "    allow_many_files()\n"
        "    print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines() == ["(3000, 3000)"] * 2, done.stderr


def test_process_dumps_no_core_and_other_processes_of_the_user_cannot_inspect_it(tmp_path: Path) -> None:
    code = (
        "import ctypes, os, resource, sys\n"
        "from ama_tui.cli.hardening import forbid_core_dumps\n"
        "forbid_core_dumps()\n"
        "limit = resource.getrlimit(resource.RLIMIT_CORE)\n"
        "is_dumpable = sys.platform == 'linux' and ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"
        "print(limit, int(is_dumpable), flush=True)\n"
        "os.abort()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=allow_core_dumps, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, "(0, 0) 0\n")
    assert list(tmp_path.iterdir()) == []
