"""What localnet and the client's two ways to it can carry: placements a second, and a large contract read."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from ama_tui.config.environment import load_environment
from ama_tui.domain.market import Market
from ama_tui.domain.session import Methods, SessionPermit
from ama_tui.engine.connect import open_signer
from ama_tui.engine.connections import Connections, connect
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from ama_tui.venue import contract_abi as abi
from ama_tui.venue.multicall import Call
from ama_tui.venue.multicall_reads import MulticallReader
from ama_tui.venue.rpc import JsonRpc
from tests.bench.figures import Figure
from tests.bench.scale import Scale

EXPIRY = 2**31
PRICE_STEPS = 120


def measure(scale: Scale) -> list[Figure]:
    """Placements a second over HTTP with wallets side by side, and the time of one aggregated read."""
    return asyncio.run(_measure(scale))


async def _measure(scale: Scale) -> list[Figure]:
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        path = Path(directory)
        options = VenueOptions(wallets=scale.wallets, block_time=0, traders=False)
        with VenueProcess.spawn(options, path, path / "venue.log") as process:
            wallets, signer = open_signer(WalletsSource(path / "wallets.csv"))
            connections, _ = await connect(load_environment(path, {}), signer)
            traders = [wallet.address for wallet in wallets]
            try:
                market = (await connections.api.markets())[0]
                made = await asyncio.gather(*(_session(connections, market, trader) for trader in traders))
                sessions = dict(zip(traders, made, strict=True))
                return [
                    await _placements(connections, market, sessions, scale.placements),
                    await _aggregated_read(process.info.rpc_url, connections, market, traders, scale),
                ]
            finally:
                await connections.close()


async def _session(connections: Connections, market: Market, trader: str) -> str:
    permit = SessionPermit(
        trader=trader,
        relayer_set_root=(await connections.api.relayer_set()).root,
        expiry=EXPIRY,
        max_notional_per_trade6=0,
        max_notional_per_session6=0,
        methods=Methods.PLACE_MARGIN_LIMIT,
        salt="0x" + secrets.token_hex(32),
        allowed_markets=(market.market_id,),
        nonce=await connections.api.session_nonce(trader),
    )
    signature = connections.sign_permit(permit)
    return (await connections.api.session_init(market.address, permit, signature)).session_id


async def _placements(connections: Connections, market: Market, sessions: Mapping[str, str], count: int) -> Figure:
    """Bids below the book, wallets side by side, one wallet's one after another."""
    best_bid6 = (await connections.api.live(market)).quote.best_bid6
    if best_bid6 is None:
        raise RuntimeError("the demo's first market has no bid")
    taken: list[float] = []

    async def place_all(trader: str, session: str) -> None:
        for number in range(count):
            began = perf_counter()
            price6 = best_bid6 - (10 + number % PRICE_STEPS) * market.tick6
            await connections.api.place_margin_limit(
                market.address, session, trader, price6=price6, amount18=10**16, is_buy=True
            )
            taken.append(perf_counter() - began)

    began = perf_counter()
    await asyncio.gather(*(place_all(trader, session) for trader, session in sessions.items()))
    seconds = perf_counter() - began
    detail = (
        f"{len(taken)} orders of {len(sessions)} wallets, a block each; median answer {median(taken) * 1000:.0f} ms"
    )
    return Figure("localnet, placements", len(taken) / seconds, "1/s", detail=detail)


async def _aggregated_read(
    rpc_url: str, connections: Connections, market: Market, traders: list[str], scale: Scale
) -> Figure:
    """One Multicall3 request for as many orders as a cycle reads at once."""
    read = await connections.chain.open_orders(market.address, traders)
    ids = [order.order_id for orders in read.orders.values() for order in orders or ()]
    calls = [
        Call(market.address, abi.GET_ORDER + abi.uint_word(ids[number % len(ids)])) for number in range(scale.sub_calls)
    ]
    taken: list[float] = []
    async with JsonRpc(rpc_url) as rpc:
        aggregator = MulticallReader(rpc)
        for _ in range(scale.repeats + 1):
            began = perf_counter()
            results = await aggregator.run_at(calls, "latest")
            taken.append((perf_counter() - began) * 1000)
            if not all(result.ok for result in results):
                raise RuntimeError("an order could not be read")
        requests = rpc.stats.requests
    detail = f"{scale.sub_calls} getOrder calls, {requests / len(taken):g} request(s) each time"
    return Figure("localnet, aggregated read", median(taken[1:]), "ms", detail=detail)
