"""A whole venue: its initial state, the files for a client, start and shutdown."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from ama_tui.localnet.client_files import write_client_files
from ama_tui.localnet.keys import derive_wallet, fleet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.venue_client import VenueClient, client_of
from tests.sizes import PATIENCE_S

QUICK = VenueOptions(block_time=0, traders=False, wallets=3)
SETTINGS = {"RPC_URL": "http://127.0.0.1:1", "CHAIN_ID": "31337"}


async def collateral(client: VenueClient, venue: LocalVenue, address: str) -> int:
    (usdc6,) = await client.call(venue.vault, "getAvailableCollateral(address)", ["uint256"], address)
    return int(usdc6)


# ---- the venue ----


async def test_wallets_are_funded_and_the_chain_has_the_right_id() -> None:
    async with await LocalVenue.start(QUICK) as venue, client_of(venue) as client:
        assert [wallet.nickname for wallet in venue.wallets] == ["User001", "User002", "User003"]
        for wallet in venue.wallets:
            assert await collateral(client, venue, wallet.address) == 10_000_000_000
        assert int(await client.rpc("eth_chainId"), 16) == venue.chain_id == 31_337


async def test_every_listed_book_is_on_chain_with_its_terms() -> None:
    async with await LocalVenue.start(QUICK) as venue, client_of(venue) as client:
        for listing in venue.markets:
            vault, market_id, _, _ = await client.call(
                listing.address, "marketStatic()", ["address", "bytes32", "bool", "uint256"]
            )
            assert (vault, market_id) == (venue.vault.lower(), listing.market_id_bytes)
            terms = await client.call(listing.address, "getLeverageInfo()", ["bool", "uint256", "uint256", "address"])
            assert terms[2] == listing.spec.margin_req_bps


async def test_credit_revoke_and_take_work() -> None:
    async with await LocalVenue.start(QUICK) as venue, client_of(venue) as client:
        wallet = venue.wallets[0]
        await venue.credit(wallet.account, 5_000_000)
        assert await collateral(client, venue, wallet.address) == 10_005_000_000
        session = await client.session(wallet)
        bid, _ = await client.touch()
        await client.trade(wallet, session, price=bid + 10_000, amount=10**17, isBuy=True)
        receipt = await venue.take("ETH-USD", False, 10**17)
        assert receipt.ok
        assert await client.orders(wallet) == []
        await venue.revoke(bytes.fromhex(session[2:]))
        status = (await client.get("/api/gasless/session/status", sessionId=session)).json()
        assert status["revoked"] is True


async def test_unknown_symbol_is_a_key_error() -> None:
    async with await LocalVenue.start(QUICK) as venue:
        with pytest.raises(KeyError):
            await venue.set_price("NONE-USD", 1)


async def test_timed_blocks_are_mined_without_transactions() -> None:
    async with await LocalVenue.start(VenueOptions(block_time=0.1, wallets=1)) as venue:
        first = await venue.node.block_number()
        for _ in range(100):
            await asyncio.sleep(0.1)
            if await venue.node.block_number() >= first + 3:
                return
        pytest.fail("no three blocks in ten seconds")


async def test_taken_port_fails_and_leaves_nothing_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="address already in use"):
            await LocalVenue.start(VenueOptions(block_time=0, wallets=1, api_port=port))
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == []


async def test_closed_venue_does_not_respond_and_leaves_no_task() -> None:
    venue = await LocalVenue.start(VenueOptions(block_time=0.1, wallets=1))
    ports = [int(url.rsplit(":", 1)[1]) for url in (venue.app_url, venue.rpc_url)]
    await venue.close()
    for port in ports:
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_venue_closes_while_requests_wait_for_a_block() -> None:
    async with await LocalVenue.start(QUICK) as venue, client_of(venue) as client:
        session = await client.session(venue.wallets[0])
        await venue.node.set_block_time(3_600)
        waiting = [
            asyncio.create_task(client.session(venue.wallets[1])),
            asyncio.create_task(client.trade(venue.wallets[0], session, price=1, amount=10**18, isBuy=True)),
        ]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(PATIENCE_S):
            await venue.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, Exception) for result in results)


@pytest.mark.parametrize(
    "node", [{"engine": "py-evm"}, pytest.param({"node": "anvil"}, marks=pytest.mark.anvil)], ids=str
)
async def test_venue_serves_and_trades_on_every_other_kind_of_node(node: dict[str, str]) -> None:
    async with (
        await LocalVenue.start(VenueOptions(block_time=0.2, wallets=2, **node)) as venue,  # type: ignore[arg-type]
        client_of(venue) as client,
    ):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        responses = [
            await client.trade(wallet, session, price=price6, amount=10**17, isBuy=is_buy)
            for is_buy, price6 in ((True, 2_490_000_000), (False, 2_510_000_000))
        ]
        assert [response.json().get("mined") for response in responses] == [True, True]
        refused = await client.trade(wallet, session, price=2_490_000_000, amount=10**20, isBuy=True)
        assert refused.json()["error"] == "insufficient_collateral"
        orders = await client.orders(wallet)
        assert len(orders) == 2
        for order_id in orders:
            await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id)
        gone = await client.trade(wallet, session, "sessionModifyOrder", orderId=orders[0], price=1, amount=1)
        assert gone.json()["error"] == "tx_reverted"
        assert await client.orders(wallet) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"wallets": 0},
        {"relayers": 0},
        {"max_move_ticks": 0},
        {"block_time": -1},
        {"receipt_wait": -1},
        {"traders_pace": 0},
        {"rate_limit": 0},
    ],
)
def test_invalid_options_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VenueOptions(**wrong)  # type: ignore[arg-type]


# ---- keys and files ----


def test_wallets_are_derived_from_the_seed_and_hide_their_keys() -> None:
    wallets = fleet(1, 3)
    assert wallets == fleet(1, 3) == fleet(1, 5)[:3]
    assert {wallet.address for wallet in wallets}.isdisjoint(wallet.address for wallet in fleet(2, 3))
    assert wallets[0].private_key not in repr(wallets[0])
    assert wallets[0] == derive_wallet(1, "User001")


async def test_written_files_have_everything_a_client_needs(tmp_path: Path) -> None:
    async with await LocalVenue.start(QUICK) as venue:
        venue.write(tmp_path / "client")
        lines = (tmp_path / "client" / ".env").read_text().splitlines()
        assert set(lines[1:]) == {
            f"RPC_URL={venue.rpc_url}",
            f"RPC_WS_URL={venue.node.ws_url}",
            "CHAIN_ID=31337",
            f"SESSION_REGISTRY_ADDRESS={venue.registry}",
            f"APP_URL={venue.app_url}",
        }
        rows = (tmp_path / "client" / "wallets.csv").read_text().splitlines()
        assert rows[0] == "nickname,address,privateKey"
        first = venue.wallets[0]
        assert rows[1] == f"User001,{first.address},{first.private_key}"
        assert len(rows) == 4


def test_written_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_client_files(tmp_path / "new", SETTINGS, fleet(1, 1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert names == {".env": 0o600, "wallets.csv": 0o600}


def test_rewriting_replaces_a_venues_own_files(tmp_path: Path) -> None:
    write_client_files(tmp_path, SETTINGS, fleet(1, 2))
    write_client_files(tmp_path, {**SETTINGS, "CHAIN_ID": "5"}, fleet(1, 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "wallets.csv"]
    assert "CHAIN_ID=5" in (tmp_path / ".env").read_text()


def test_foreign_files_are_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "wallets.csv").write_text("nickname,address,privateKey\nmine,0x1,0x2\n")
    (tmp_path / ".env").write_text("RPC_URL=https://example.org\n")
    write_client_files(tmp_path, SETTINGS, fleet(1, 1))
    write_client_files(tmp_path, SETTINGS, fleet(2, 1))
    assert "mine,0x1,0x2" in (tmp_path / "wallets.old-1.csv").read_text()
    assert (tmp_path / "wallets.old-2.csv").read_text().count("User001") == 1
    assert (tmp_path / ".env.old-1").read_text() == "RPC_URL=https://example.org\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".env",
        ".env.old-1",
        "wallets.csv",
        "wallets.old-1.csv",
        "wallets.old-2.csv",
    ]
