"""What a front end learns about a stored run: differing options, missing wallets, sessions that are still valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.domain.errors import UnreachableError
from ama_tui.engine.engine_api import StoredRun
from ama_tui.engine.run.local_engine import LocalEngine
from tests.engine.rig import Rig, ticking


async def stored(rig: Rig, engine: LocalEngine) -> StoredRun:
    found = await engine.stored_run(await rig.market(engine))
    assert found is not None
    return found


async def test_valid_sessions_are_counted_and_revoked_ones_are_not(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.stop()
    assert (await stored(rig, engine)).sessions_valid == 3
    engine = await rig.packed(resume=True)
    async with ticking(rig.venue):
        await engine.kill(revoke=True)
    assert (await stored(rig, engine)).sessions_valid == 0


async def test_session_count_is_unknown_when_the_chain_cannot_be_read(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await rig.packed()
    await engine.stop()

    async def dead(*_: object) -> object:
        raise UnreachableError("no answer", "")

    monkeypatch.setattr("ama_tui.venue.chain.ChainReader.sessions", dead)
    found = await stored(rig, engine)
    assert (found.sessions_valid, found.wallets) == (None, 3)


async def test_differing_options_are_what_a_resumed_run_would_use(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.stop()
    assert (await stored(rig, engine)).with_options is None
    other = await rig.open(orders_per_side=5)
    found = await stored(rig, other)
    assert found.parameters["orders_per_side"] == 2
    assert found.with_options is not None
    assert found.with_options["orders_per_side"] == 5


async def test_wallets_missing_from_the_file_are_named(rig: Rig) -> None:
    engine = await rig.packed()
    await engine.stop()
    assert (await stored(rig, engine)).missing == ()
    shorten(rig.directory / "wallets.csv")
    other = await rig.open()
    missing = (await stored(rig, other)).missing
    assert len(missing) == 1
    assert missing[0].startswith(("User", "Wallet"))


def shorten(path: Path) -> None:
    """Remove the last wallet from the file."""
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


async def test_every_missing_setting_gets_its_own_line(tmp_path: Path) -> None:
    from tests.engine.run.test_local_engine import bare_engine

    engine = bare_engine(tmp_path)
    await engine.open()
    assert [line.split()[1] for line in engine.problem_lines[:3]] == ["RPC_URL", "CHAIN_ID", "SESSION_REGISTRY_ADDRESS"]
    assert len(engine.problem_lines) == 4
    await engine.close()
