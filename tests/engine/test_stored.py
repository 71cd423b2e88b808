"""What a front end is told of a stored run: options that differ, wallets that are gone, sessions that still hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.domain.errors import UnreachableError
from ama_tui.engine.desk import StoredRun
from ama_tui.engine.service import VenueDesk
from tests.engine.rig import Rig, ticking


async def stored(rig: Rig, desk: VenueDesk) -> StoredRun:
    found = await desk.stored_run(await rig.market(desk))
    assert found is not None
    return found


async def test_sessions_that_still_hold_are_counted_and_revoked_ones_are_not(rig: Rig) -> None:
    desk = await rig.packed()
    await desk.stop()
    assert (await stored(rig, desk)).sessions_valid == 3
    desk = await rig.packed(resume=True)
    async with ticking(rig.venue):
        await desk.kill(revoke=True)
    assert (await stored(rig, desk)).sessions_valid == 0


async def test_a_chain_that_cannot_be_asked_leaves_the_count_open(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await rig.packed()
    await desk.stop()

    async def dead(*_: object) -> object:
        raise UnreachableError("no answer", "")

    monkeypatch.setattr("ama_tui.venue.chain.ChainReader.session_records", dead)
    found = await stored(rig, desk)
    assert (found.sessions_valid, found.wallets) == (None, 3)


async def test_options_that_say_otherwise_are_what_a_resumed_run_would_use(rig: Rig) -> None:
    desk = await rig.packed()
    await desk.stop()
    assert (await stored(rig, desk)).with_options is None
    other = await rig.open(orders_per_side=5)
    found = await stored(rig, other)
    assert found.parameters.orders_per_side == 2
    assert found.with_options is not None
    assert found.with_options.orders_per_side == 5


async def test_wallets_that_the_file_no_longer_has_are_named(rig: Rig) -> None:
    desk = await rig.packed()
    await desk.stop()
    assert (await stored(rig, desk)).missing == ()
    shorten(rig.directory / "wallets.csv")
    other = await rig.open()
    missing = (await stored(rig, other)).missing
    assert len(missing) == 1
    assert missing[0].startswith(("User", "Wallet"))


def shorten(path: Path) -> None:
    """Take the last wallet out of the file."""
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


async def test_every_missing_setting_has_a_line_of_its_own(tmp_path: Path) -> None:
    from tests.engine.test_service import bare_desk

    desk = bare_desk(tmp_path)
    await desk.open()
    assert [line.split()[1] for line in desk.problem_lines[:3]] == ["RPC_URL", "CHAIN_ID", "SESSION_REGISTRY_ADDRESS"]
    assert len(desk.problem_lines) == 4
    await desk.close()
