"""Without the `demo` extra, commands that need it print how to install it and do nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.main import main
from ama_tui.cli.wiring import DemoVenue
from ama_tui.config import demo_extra
from ama_tui.domain.errors import ConfigError
from ama_tui.engine.doctor.context import DoctorContext, DoctorRequest
from ama_tui.engine.doctor.program_checks import demo
from ama_tui.engine.doctor.result import CheckStatus

LINE = "ama-tui: the local test venue is not installed: pip install 'ama-tui[demo]'\n"


@pytest.fixture(autouse=True)
def without_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo_extra, "_is_installed", lambda module: False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo",),
        ("demo", "--headless"),
        ("demo", "--headless", "--wallets", "0"),
        ("venue",),
        ("venue", "--write", "x"),
    ],
    ids=" ".join,
)
def test_command_prints_how_to_install_the_extra(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", LINE)
    assert list(tmp_path.iterdir()) == []


def test_help_of_the_commands_works(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("demo", "venue"):
        with pytest.raises(SystemExit) as caught:
            main((command, "--help"))
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(f"Usage: ama-tui {command}")


def test_demo_started_from_the_dashboard_fails_with_the_same_hint() -> None:
    venue = DemoVenue(Arguments())
    try:
        with pytest.raises(ConfigError) as caught:
            venue.start()
    finally:
        venue.stop()
    assert caught.value.hint == demo_extra.INSTALL


def test_doctor_skips_the_demo_check_with_the_same_hint(tmp_path: Path) -> None:
    request = DoctorRequest(tmp_path, {}, tmp_path / "wallets.csv", list, tmp_path / "state")
    result = asyncio.run(demo(DoctorContext(request)))
    assert result.status is CheckStatus.SKIP
    assert result.fix == demo_extra.INSTALL
