"""Checks of what the operator provides, with one thing wrong at a time."""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from ama_tui.engine.doctor.program_checks import version_problems
from ama_tui.engine.doctor.result import CheckStatus
from ama_tui.engine.doctor.state_checks import disk_result
from ama_tui.store.lock import StateLock
from tests.engine.doctor.conftest import Surgery

BOOK = "0x" + "b0" * 20


def market_of(surgery: Surgery) -> Path:
    """A market's state directory, as a run leaves one."""
    directory = surgery.rig.directory / "state" / str(surgery.rig.venue.chain_id) / BOOK
    directory.mkdir(parents=True)
    return directory


async def test_empty_environment_is_one_failing_line(surgery: Surgery, tmp_path: Path) -> None:
    (surgery.rig.directory / ".env").unlink()
    surgery.environ["CHAIN_ID"] = "many"
    report = await surgery.look()
    result = report.only("environment")
    assert "missing RPC_URL" in result.text
    assert "missing SESSION_REGISTRY_ADDRESS" in result.text
    assert 'CHAIN_ID is "many"' in result.text
    assert ".env.example" in result.fix
    assert report.of(CheckStatus.OK) == ["program", "wallets", "state", "disk", "demo"]
    assert report.results["collateral"].text == "not checked: environment incomplete"


async def test_unusable_url_fails_the_environment_check_without_being_repeated(surgery: Surgery) -> None:
    surgery.environ["RPC_URL"] = "https://ho%st/5ecre75ecre75ecre7"
    report = await surgery.look()
    assert "RPC_URL" in report.only("environment").text
    assert "5ecre7" not in str(report)


@pytest.mark.parametrize("content", [None, "nickname,address,privateKey\nme,0x12,0x34\n", ""])
async def test_unusable_wallets_file_fails_with_the_error_of_opening_it(surgery: Surgery, content: str | None) -> None:
    path = surgery.rig.directory / "mine.csv"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    surgery.wallets_file = path
    report = await surgery.look()
    assert "mine.csv" in report.only("wallets").text
    assert report.of(CheckStatus.SKIP) == ["collateral"]
    assert report.results["collateral"].text == "not checked: no wallets"


async def test_state_directory_below_a_file_fails(surgery: Surgery) -> None:
    (surgery.rig.directory / "file").write_text("")
    report = await surgery.look(state_root=surgery.rig.directory / "file" / "state")
    assert "cannot be written to (Not a directory)" in report.only("state").text


async def test_state_directory_on_a_read_only_file_system_fails(surgery: Surgery) -> None:
    report = await surgery.look(state_root=Path("/proc/sys"))
    assert "cannot be written to" in report.results["state"].text
    assert report.results["state"].status is CheckStatus.FAIL


async def test_market_directory_that_cannot_be_locked_fails(surgery: Surgery) -> None:
    (market_of(surgery) / "lock").mkdir()
    assert "cannot be locked" in (await surgery.look()).only("state").text


async def test_lock_held_by_a_run_is_a_warning_with_its_pid(surgery: Surgery) -> None:
    directory = market_of(surgery)
    with StateLock(directory / "lock"):
        found = (await surgery.look()).only("state", CheckStatus.WARN).text
        assert f"is in use by another run (pid {os.getpid()})" in found
    (await surgery.look()).assert_all_ok()


async def test_checking_the_state_directory_changes_nothing_in_it(surgery: Surgery) -> None:
    directory = market_of(surgery)
    (directory / "actions.jsonl").write_text("{}\n")
    (directory / "lock").touch()
    before = sorted(surgery.rig.directory.rglob("*"))
    report = await surgery.look()
    assert report.results["state"].text.endswith("1 market")
    assert sorted(surgery.rig.directory.rglob("*")) == before


async def test_corrupt_checkpoint_fails_the_sessions_check(surgery: Surgery) -> None:
    (market_of(surgery) / "checkpoint.json").write_text(json.dumps({"version": 1})[:-3])
    report = await surgery.look()
    assert "checkpoint.json is corrupt" in report.only("sessions").text


@pytest.mark.parametrize(
    ("free", "status"),
    [(50_000_000, CheckStatus.FAIL), (500_000_000, CheckStatus.WARN), (5_000_000_000, CheckStatus.OK)],
)
def test_free_disk_space_is_judged_by_the_journals_needs(free: int, status: CheckStatus) -> None:
    result = disk_result(free, Path("state"))
    assert result.status is status
    assert "GB free for state" in result.text


def test_wrong_versions_are_named_and_other_platforms_requirements_ignored() -> None:
    installed = {"textual": "9.0", "rich": "15.0.0", "py-evm": "0.12.1b1"}

    def version_of(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    requires = [
        "textual<8.3,>=8.2.8",
        "rich<16,>=14",
        "py-evm<0.13,>=0.12.1b1",
        "httpx<1,>=0.28",
        "colorama>=0.4; sys_platform == 'win32'",
        "pytest>=8; extra == 'test'",
    ]
    assert version_problems(requires, version_of) == ["textual 9.0 is not <8.3,>=8.2.8", "httpx is missing"]
