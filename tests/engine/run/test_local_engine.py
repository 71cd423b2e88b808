"""The engine before and between runs: what it finds, refuses and remembers."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from ama_tui.domain.errors import ConfigError, PreflightError, UnreachableError, VenueError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Place
from ama_tui.engine.connect import VenueSource
from ama_tui.engine.engine_api import StartRequest
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.local_engine import EngineSettings, LocalEngine
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.wallet_key import EVERY_WALLET, WalletKey
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from tests.engine.rig import Rig, log_lines, run_of, until


def bare_engine(directory: Path, environ: dict[str, str] | None = None, *, is_demo: bool = False) -> LocalEngine:
    source = VenueSource(directory, environ or {}, WalletsSource(directory / "wallets.csv"), is_demo)
    return LocalEngine(EngineSettings(lambda: source, directory / "state"), Publisher(), Freeze())


async def request(rig: Rig, engine: LocalEngine, *, resume: bool = False, **parameters: float) -> StartRequest:
    chosen = Parameters.checked({"minDelayMs": 10, "maxDelayMs": 30, "ordersPerSidePerWallet": 2, **parameters})
    return StartRequest(await rig.market(engine), chosen, resume, 3)


async def test_open_engine_knows_its_venue_and_fleet(rig: Rig) -> None:
    engine = await rig.open()
    assert (engine.problems, engine.wallets_available, engine.is_demo) == ((), 3, False)
    assert engine.environment_label == f"{rig.venue.app_url} chain 31337"
    assert engine.defaults["orders_per_side"] == 2
    markets = await engine.markets()
    assert [market.symbol for market in markets][:2] == ["ETH-USD", "BTC-USD"]
    assert {market.chain_id for market in markets} == {31_337}
    assert (await engine.quote(markets[0])).best_bid6


async def test_open_engine_and_its_run_keep_no_wallet_row_and_no_secret(rig: Rig) -> None:
    def alive() -> set[int]:
        gc.collect()
        return {id(one) for one in gc.get_objects() if isinstance(one, SecretKey | WalletKey)}

    before = alive()  # an earlier test may have left some
    rows = open_wallets(WalletsSource(rig.directory / "wallets.csv"), EVERY_WALLET)
    assert len(alive() - before) == 2 * len(rows)
    del rows
    engine = await rig.packed()
    assert engine.wallets_available == 3
    assert alive() <= before


async def test_demo_engine_is_labelled_as_such_and_selects_the_first_market(rig: Rig) -> None:
    engine = bare_engine(rig.directory, is_demo=True)
    rig.engines.append(engine)
    await engine.open()
    assert engine.environment_label == "DEMO localnet 31337"
    assert (await engine.market(None)).symbol == "ETH-USD"


async def test_market_is_found_by_symbol_identifier_or_address_in_any_case(rig: Rig) -> None:
    engine = await rig.open()
    listing = rig.venue.market("BTC-USD")
    for selector in ("BTC-USD", "btc-usd", "BTC-USD-PERP", listing.address.upper().replace("X", "x")):
        assert (await engine.market(selector)).address == listing.address
    with pytest.raises(ConfigError, match="no market named 'BTC'"):
        await engine.market("BTC")
    with pytest.raises(ConfigError, match="no market selected"):
        await engine.market(None)


async def test_all_missing_settings_are_reported_at_once_without_contacting_a_venue(tmp_path: Path) -> None:
    engine = bare_engine(tmp_path)
    await engine.open()
    assert len(engine.problems) == 2
    environment, wallets = engine.problems
    for name in ("RPC_URL", "CHAIN_ID", "SESSION_REGISTRY_ADDRESS"):
        assert name in environment
    assert "wallets.csv" in wallets
    with pytest.raises(ConfigError, match="RPC_URL"):
        await engine.markets()
    await engine.close()


async def test_opening_again_after_the_fix_works(rig: Rig) -> None:
    hidden = (rig.directory / "wallets.csv").rename(rig.directory / "elsewhere.csv")
    engine = bare_engine(rig.directory)
    rig.engines.append(engine)
    await engine.open()
    assert engine.problems
    hidden.rename(rig.directory / "wallets.csv")
    await engine.open()
    assert engine.problems == ()
    assert await engine.markets()


async def test_wrong_chain_id_is_a_warning_and_the_nodes_is_signed_for(rig: Rig) -> None:
    rig.environ["CHAIN_ID"] = "999"
    engine = await rig.packed()
    warning = "CHAIN_ID is 999, but the node reports 31337: signing for chain 31337"
    assert warning in log_lines(engine)
    assert len(await rig.orders()) == 12
    assert rig.checkpoint()["chainId"] == 31_337


async def test_registry_without_code_is_refused(rig: Rig) -> None:
    rig.environ["SESSION_REGISTRY_ADDRESS"] = "0x" + "12" * 20
    with pytest.raises(PreflightError, match="no contract at SESSION_REGISTRY_ADDRESS"):
        await rig.open()


async def test_unreachable_node_is_reported_without_its_url(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.venue.retry.ATTEMPTS", 1)
    key = "5ec7e7" * 6
    rig.environ["RPC_URL"] = f"http://127.0.0.1:1/v2/{key}"
    with pytest.raises(UnreachableError) as caught:
        await rig.open()
    assert key not in str(caught.value)


async def test_engine_without_a_venue_reports_that_it_is_not_connected(tmp_path: Path) -> None:
    engine = bare_engine(tmp_path)
    with pytest.raises(VenueError, match="not connected"):
        await engine.markets()
    await engine.close()


async def test_stored_run_is_described_with_what_it_stored(rig: Rig) -> None:
    engine = await rig.packed()
    assert await engine.stored_run(await engine.market("BTC-USD")) is None
    await engine.stop()
    stored = await engine.stored_run(await rig.market(engine))
    assert stored is not None
    assert (stored.run_id, stored.wallets) == (run_of(engine).context.action_log.run_id, 3)
    assert (stored.parameters["orders_per_side"], len(stored.stored_keys)) == (2, 8)
    assert stored.last_action_at > 0


async def test_preview_signs_sends_and_writes_nothing(rig: Rig) -> None:
    engine = await rig.open()
    shown = await engine.preview(await request(rig, engine))
    assert len([intent for intent in shown.plan.intents if isinstance(intent, Place)]) == 12
    assert [await rig.sessions_made(wallet) for wallet in rig.wallets] == [0, 0, 0]
    assert await rig.orders() == []
    assert not rig.state.exists()


async def test_preview_shows_the_orders_that_the_run_then_places(rig: Rig) -> None:
    engine = await rig.open()
    asked = await request(rig, engine)
    shown = {
        (one.wallet, one.side, one.level, one.price6)
        for one in (await engine.preview(asked)).plan.intents
        if isinstance(one, Place)
    }
    await engine.start(asked)
    await until(lambda: run_of(engine).packed, "the fleet to be packed")
    assert {(one.wallet, one.side, one.level, one.price6) for one in await rig.orders()} == shown


async def test_run_started_from_a_form_uses_its_values_and_resumes_with_others(rig: Rig) -> None:
    engine = await rig.open()
    await engine.start(await request(rig, engine, ordersPerSidePerWallet=1))
    await until(lambda: run_of(engine).packed, "the fleet to be packed")
    assert len(await rig.orders()) == 6
    await engine.stop()
    first = run_of(engine).context.action_log.run_id
    await engine.start(await request(rig, engine, resume=True, ordersPerSidePerWallet=3))
    await until(lambda: run_of(engine).packed, "the fleet to be packed")
    assert (len(await rig.orders()), run_of(engine).context.action_log.run_id) == (18, first)
