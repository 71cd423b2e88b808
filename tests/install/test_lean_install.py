"""The built wheel, installed without extras in an empty environment: what works, and what needs the `demo` extra."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.operator import VENUE_NAMES

ROOT = Path(__file__).parents[2]
INSTALL_DEMO = "pip install 'ama-tui[demo]'"
DEMO_ONLY = {"pyrevm", "py-evm"}


@dataclass(frozen=True)
class LeanInstall:
    """An environment that holds the wheel and its dependencies, and nothing else."""

    python: Path
    """Its interpreter."""
    directory: Path
    """An empty directory to run commands in."""

    def run(self, *arguments: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the installed `ama-tui`, in `directory` if given."""
        return subprocess.run(
            [str(self.python.with_name("ama-tui")), *arguments],
            cwd=directory or self.directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def packages(self) -> set[str]:
        """The names of all installed packages."""
        listed = subprocess.check_output([str(self.python), "-m", "pip", "list", "--format=json"], text=True)
        return {package["name"].lower().replace("_", "-") for package in json.loads(listed)}


def clean_environment() -> dict[str, str]:
    """The environment without this checkout and without a venue."""
    return {name: value for name, value in os.environ.items() if name not in (*VENUE_NAMES, "PYTHONPATH")}


def locked_versions() -> str:
    """The lock file as pip constraints, without hashes: with them pip would require one for the wheel too."""
    return re.sub(r"\s*\\\n\s+--hash=\S+", "", (ROOT / "requirements.lock").read_text())


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory) -> LeanInstall:
    base = tmp_path_factory.mktemp("lean")
    constraints = base / "constraints.txt"
    constraints.write_text(locked_versions())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(base), str(ROOT)], check=True)
    (wheel,) = base.glob("ama_tui-*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(base / "venv")], check=True)
    python = base / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(constraints), str(wheel)]
    subprocess.run(install, check=True, env=clean_environment())
    directory = base / "operator"
    directory.mkdir(mode=0o700)
    return LeanInstall(python, directory)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A local test venue run from this checkout; the directory with its client files."""
    directory = tmp_path_factory.mktemp("venue") / "client"
    program = [sys.executable, "-P", "-m", "ama_tui", "venue", "--wallets", "2", "--write", str(directory)]
    with subprocess.Popen(program, env={**clean_environment(), "PYTHONPATH": str(ROOT)}) as process:
        try:
            deadline = time.monotonic() + 60
            while not (directory / "wallets.csv").exists():
                assert process.poll() is None, "the venue did not start"
                assert time.monotonic() < deadline, "the venue took too long to start"
                time.sleep(0.1)
            yield directory
        finally:
            process.terminate()


def test_demo_libraries_are_not_installed(lean: LeanInstall) -> None:
    packages = lean.packages()
    assert {"ama-tui", "textual", "eth-keys"} <= packages
    assert packages & DEMO_ONLY == set()


def test_wheel_has_the_license_and_its_spdx_name(lean: LeanInstall) -> None:
    show = (
        "from importlib.metadata import distribution as d; p = d('ama-tui');"
        "print(p.metadata['License-Expression'], p.read_text('licenses/LICENSE').splitlines()[0])"
    )
    shown = subprocess.check_output([str(lean.python), "-c", show], text=True, cwd=lean.directory)
    assert shown.startswith("LicenseRef-Proprietary Copyright")
    assert "All rights reserved" in shown


@pytest.mark.parametrize("command", [(), ("run",), ("demo",), ("venue",), ("doctor",), ("cancel-all",), ("sessions",)])
def test_every_command_has_help(lean: LeanInstall, command: tuple[str, ...]) -> None:
    done = lean.run(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ama-tui")


@pytest.mark.parametrize("command", [("demo",), ("demo", "--headless", "--until", "packed"), ("venue", "--write", "x")])
def test_demo_and_venue_print_how_to_install_them(lean: LeanInstall, command: tuple[str, ...]) -> None:
    done = lean.run(*command)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ama-tui: ")
    assert line.endswith(INSTALL_DEMO)
    assert list(lean.directory.iterdir()) == []


def test_wallets_are_created_and_checked(lean: LeanInstall, tmp_path: Path) -> None:
    created = lean.run("wallets", "new", "-n", "3", directory=tmp_path)
    assert created.returncode == 0, created.stderr
    checked = lean.run("wallets", "check", directory=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert len(re.findall(r"0x[0-9a-fA-F]{40}\b", checked.stdout)) == 3


def test_doctor_without_settings_fails_in_one_line_per_check(lean: LeanInstall, tmp_path: Path) -> None:
    assert lean.run("wallets", "new", "-n", "1", directory=tmp_path).returncode == 0
    done = lean.run("doctor", directory=tmp_path)
    assert (done.returncode, done.stderr) == (3, "")
    rows = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert [name for name, line in rows.items() if line.startswith("fail")] == ["environment"]
    assert rows["program"].startswith("ok")
    assert rows["demo"].startswith("skip")
    assert rows["demo"].endswith(INSTALL_DEMO)


def test_doctor_passes_on_a_venue(lean: LeanInstall, venue: Path) -> None:
    done = lean.run("doctor", "--json", directory=venue)
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["check"] for row in json.loads(done.stdout) if row["status"] != "ok"} == {"demo"}


def test_run_packs_a_venue(lean: LeanInstall, venue: Path) -> None:
    done = lean.run(
        "run", "--headless", "--market", "ETH-USD", "--until", "packed", "--json", "--max-delay-ms", "300",
        directory=venue,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["packed"]
