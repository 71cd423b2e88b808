"""A venue in a child process: it starts, stops on request, and is never left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from ama_tui.localnet.keys import fleet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess, VenueStartError
from tests.sizes import PATIENCE_S

QUICK = VenueOptions(block_time=0, wallets=2)


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Whether the condition becomes true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_spawned_venue_serves_and_stops_cleanly(tmp_path: Path) -> None:
    with VenueProcess.spawn(QUICK, write_dir=tmp_path, log_path=tmp_path / "venue.log") as process:
        ready = process.info
        assert ready.symbols[0] == "ETH-USD"
        assert httpx.get(f"{ready.app_url}/api/markets").json()["success"] is True
        assert f"APP_URL={ready.app_url}" in (tmp_path / ".env").read_text()
        assert process.is_running
        assert process.stop() == 0
        assert not process.is_running
    assert (tmp_path / "venue.log").read_text() == ""


def test_keys_appear_in_the_wallets_file_only(tmp_path: Path) -> None:
    with VenueProcess.spawn(QUICK, write_dir=tmp_path) as process:
        child = psutil.Process(process.pid)
        seen = " ".join(child.cmdline()) + repr(process.info) + repr(child.environ())
        for wallet in fleet(QUICK.seed, 2):
            assert wallet.private_key in (tmp_path / "wallets.csv").read_text()
            assert wallet.private_key.removeprefix("0x") not in seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_the_child_with_exit_code_0(number: signal.Signals) -> None:
    with VenueProcess.spawn(QUICK) as process:
        os.kill(process.pid, number)
        assert eventually(lambda: not process.is_running)
        assert process.stop() == 0


def test_files_of_the_working_directory_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aiohttp.py").write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path)
    with VenueProcess.spawn(QUICK) as process:
        assert process.is_running


def test_child_is_not_in_the_terminals_process_group() -> None:
    with VenueProcess.spawn(QUICK) as process:
        assert os.getpgid(process.pid) != os.getpgid(0)


def test_child_exits_when_its_parent_is_killed() -> None:
    script = (
        "import time; from ama_tui.localnet.process import VenueProcess\n"
        "from ama_tui.localnet.options import VenueOptions\n"
        "process = VenueProcess.spawn(VenueOptions(block_time=0, wallets=1))\n"
        "print(process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not is_gone(child)
        parent.kill()
    assert eventually(lambda: is_gone(child))


def test_venue_that_cannot_start_reports_why_in_one_line() -> None:
    with VenueProcess.spawn(QUICK) as first:
        port = int(first.info.app_url.rsplit(":", 1)[1])
        with pytest.raises(VenueStartError, match="address already in use") as caught:
            VenueProcess.spawn(VenueOptions(block_time=0, wallets=1, api_port=port))
    assert "\n" not in str(caught.value)


def test_unknown_option_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "ama_tui.localnet", "--json-options", '{"colour": "red"}']
    done = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "colour" in json.loads(done.stdout)["error"]
    assert done.stderr == b""
