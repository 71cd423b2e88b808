"""The example packages, each built as a wheel and installed next to this checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ama_tui.strategies import registry
from tests.engine.rig import Rig, rig_of

EXAMPLES = Path(__file__).parents[2] / "examples"
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@pytest.fixture(scope="session")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package spread-chase, installed from its wheel. Needs no package index."""
    base = tmp_path_factory.mktemp("spread-chase")
    offline = ("--no-deps", "--no-index")
    source = EXAMPLES / "spread-chase"
    subprocess.run([*PIP, "wheel", *offline, "--no-build-isolation", "--wheel-dir", base, source], check=True)
    (wheel,) = base.glob("ama_tui_spread_chase-*.whl")
    subprocess.run([*PIP, "install", *offline, "--target", base / "site", wheel], check=True)
    return base / "site"


@pytest.fixture
def spread_chase(installed_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package is installed in this process."""
    monkeypatch.syspath_prepend(installed_wheel)
    registry.forget()
    yield installed_wheel
    monkeypatch.undo()
    registry.forget()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_of(tmp_path) as rig:
        yield rig
