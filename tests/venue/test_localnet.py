"""The client against a real localnet: sessions, every trade method, reads, receipts and trades."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from ama_tui.domain.errors import RefusedError
from ama_tui.domain.market import Market, MarketTerms
from ama_tui.domain.reading import FleetRead, OrderCancelled, OrderModified, OrderPlaced, OrderRested, Receipt, Trade
from ama_tui.domain.session import Methods, SessionPermit, SessionStatus, session_status
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.signer import Signer
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from ama_tui.venue.api import VenueApi
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.permits import permit_digest, relayer_set_problem, session_id
from ama_tui.venue.rpc import JsonRpc

WALLETS = 3
AMOUNT18 = 10**16
ALL_METHODS = Methods(63)


@dataclass
class Client:
    """All parts of the client on one market, with a session for every wallet."""

    venue: LocalVenue
    api: VenueApi
    chain: ChainReader
    market: Market
    terms: MarketTerms
    sessions: dict[str, str]

    @property
    def wallets(self) -> list[str]:
        return list(self.sessions)

    async def read(self) -> FleetRead:
        return await self.chain.read_fleet(
            order_book=self.market.address,
            vault=self.terms.vault,
            market_id=self.terms.market_id,
            registry=self.venue.registry,
            wallets=list(self.sessions.items()),
        )

    async def receipt(self, tx_hash: str) -> Receipt:
        for _ in range(200):
            found = (await self.chain.receipts(self.market.address, [tx_hash]))[tx_hash]
            if found is not None:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{tx_hash} was not mined")

    async def place(self, number: int, price6: int, *, is_buy: bool = True) -> int:
        """Place a resting order; returns its id."""
        trader = self.wallets[number]
        answer = await self.api.place_margin_limit(
            self.market.address, self.sessions[trader], trader, price6=price6, amount18=AMOUNT18, is_buy=is_buy
        )
        rested = [event for event in (await self.receipt(answer.tx_hash)).events if isinstance(event, OrderRested)]
        return rested[0].order_id


async def create_session(
    api: VenueApi, venue: LocalVenue, signer: Signer, market: Market, trader: str, methods: Methods = ALL_METHODS
) -> str:
    relayers = await api.relayer_set()
    assert relayer_set_problem(relayers) is None
    permit = SessionPermit(
        trader=trader,
        relayer_set_root=relayers.root,
        expiry=2_000_000_000,
        max_notional_per_trade6=0,
        max_notional_per_session6=0,
        methods=methods,
        salt="0x" + secrets.token_hex(32),
        allowed_markets=(market.market_id,),
        nonce=await api.session_nonce(trader),
    )
    signature = signer.sign(permit.trader, permit_digest(permit, venue.chain_id, venue.registry))
    created = await api.session_init(market.address, permit, signature)
    assert created.session_id == session_id(permit)
    return created.session_id


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    options = VenueOptions(wallets=WALLETS, block_time=0, traders=False, seed=7)
    async with (
        await LocalVenue.start(options) as venue,
        VenueApi(venue.app_url) as api,
        ChainReader(JsonRpc(venue.rpc_url)) as chain,
    ):
        signer = Signer({wallet.address: SecretKey(bytes.fromhex(wallet.private_key[2:])) for wallet in venue.wallets})
        market = (await api.markets(limit=10))[0]
        terms = await chain.terms(market.address)
        assert terms.market_id == market.market_id
        created = await asyncio.gather(
            *(create_session(api, venue, signer, market, trader) for trader in signer.addresses)
        )
        yield Client(venue, api, chain, market, terms, dict(zip(signer.addresses, created, strict=True)))


async def test_all_markets_are_listed_with_their_live_prices(client: Client) -> None:
    markets = await client.api.markets(limit=7)
    assert len(markets) >= 30
    assert {market.chain_id for market in markets} == {await client.chain.chain_id()}
    for market in markets[:5]:
        live = await client.api.live(market, levels=25)
        assert live.address == market.address


async def test_live_prices_match_the_chain(client: Client) -> None:
    live = await client.api.live(client.market, levels=25)
    view = (await client.read()).view
    assert (live.quote.best_bid6, live.quote.best_ask6) == (view.best_bid6, view.best_ask6)
    assert view.vault_mark6 == live.quote.mark6
    assert live.book.bids[:5] == view.book.bids[:5]
    assert live.book.asks[:5] == view.book.asks[:5]


async def test_chain_and_api_agree_on_sessions(client: Client) -> None:
    fleet = await client.read()
    relayers = await client.api.relayer_set()
    for trader, session in client.sessions.items():
        record = fleet.wallets[trader].session
        assert record is not None
        assert (
            session_status(
                record,
                trader=trader,
                block_time=fleet.block_time,
                relayer_root=relayers.root,
                methods=ALL_METHODS,
            )
            is SessionStatus.LIVE
        )
        status = await client.api.session_status(session)
        assert (status.exists, status.active, status.trader, status.relayer_set_root) == (
            True,
            True,
            trader,
            relayers.root,
        )
    assert await client.chain.meta_nonces(client.venue.registry, client.wallets) == dict.fromkeys(client.wallets, 1)
    unknown = await client.api.session_status("0x" + "12" * 32)
    assert not unknown.exists


async def test_resting_orders_are_read_modified_and_cancelled(client: Client) -> None:
    before = await client.read()
    bid6, ask6 = before.view.best_bid6, before.view.best_ask6
    assert bid6 is not None
    assert ask6 is not None
    trader = client.wallets[0]
    bid = await client.place(0, bid6 - 50 * client.market.tick6)
    ask = await client.place(0, ask6 + 50 * client.market.tick6, is_buy=False)
    await client.place(1, bid6 - 60 * client.market.tick6)

    fleet = await client.read()
    assert fleet.pinned
    orders = {order.order_id: order for order in fleet.wallets[trader].orders}
    assert set(orders) == {bid, ask}
    assert (orders[bid].price6, orders[bid].amount18, orders[bid].trader) == (
        bid6 - 50 * client.market.tick6,
        AMOUNT18,
        trader,
    )
    assert orders[bid].side.is_buy
    assert not orders[ask].side.is_buy
    assert abs(orders[bid].placed_at - fleet.block_time) < 600
    reserved6 = sum(order.margin6 for order in orders.values())
    assert before.wallets[trader].available6 - fleet.wallets[trader].available6 >= reserved6 > 0
    assert len(fleet.wallets[client.wallets[1]].orders) == 1

    session = client.sessions[trader]
    modified = await client.api.modify_order(
        client.market.address, session, trader, order_id=bid, price6=bid6 - 70 * client.market.tick6, amount18=AMOUNT18
    )
    events = (await client.receipt(modified.tx_hash)).events
    new_id = next(event.new_order_id for event in events if isinstance(event, OrderModified))
    cancelled = await client.api.cancel_order(client.market.address, session, trader, order_id=ask)
    assert cancelled.pending
    receipt = await client.receipt(cancelled.tx_hash)
    assert receipt.ok
    assert [event.order_id for event in receipt.events if isinstance(event, OrderCancelled)] == [ask]
    read = await client.chain.open_orders(client.market.address, client.wallets)
    assert [order.order_id for order in read.orders[trader] or ()] == [new_id]
    assert read.block >= receipt.block


async def test_market_order_trades_and_its_trade_is_in_the_logs(client: Client) -> None:
    trader = client.wallets[2]
    start = (await client.chain.open_orders(client.market.address, client.wallets)).block + 1
    answer = await client.api.place_margin_market(
        client.market.address, client.sessions[trader], trader, amount18=AMOUNT18, is_buy=True
    )
    receipt = await client.receipt(answer.tx_hash)
    settled = await client.chain.settlement(client.market.address, start, receipt.block, [answer.tx_hash])
    assert settled.error == ""
    assert settled.trades is not None
    ours = [trade for trade in settled.trades if trade.buyer == trader]
    assert sum(trade.amount18 for trade in ours) == AMOUNT18
    assert [event for event in receipt.events if isinstance(event, Trade)] == ours
    assert settled.receipts[answer.tx_hash] == receipt
    assert (await client.read()).wallets[trader].position18 == AMOUNT18


async def test_crossing_limit_order_shows_in_its_receipt(client: Client) -> None:
    view = (await client.read()).view
    assert view.best_ask6 is not None
    trader = client.wallets[0]
    answer = await client.api.place_margin_limit(
        client.market.address,
        client.sessions[trader],
        trader,
        price6=view.best_ask6,
        amount18=AMOUNT18,
        is_buy=True,
    )
    events = (await client.receipt(answer.tx_hash)).events
    assert [event.amount18 for event in events if isinstance(event, OrderPlaced)] == [0]
    assert not [event for event in events if isinstance(event, OrderRested)]
    assert [event.buyer for event in events if isinstance(event, Trade)] == [trader]


async def test_cancel_of_an_unknown_order_is_pending_and_reverts(client: Client) -> None:
    trader = client.wallets[0]
    session = client.sessions[trader]
    answer = await client.api.cancel_order(client.market.address, session, trader, order_id=999_999)
    assert answer.pending
    assert not (await client.receipt(answer.tx_hash)).ok


async def test_refusals_of_the_venue_prove_that_nothing_was_sent(client: Client) -> None:
    trader, other = client.wallets[:2]
    session = client.sessions[trader]
    book = client.market.address
    with pytest.raises(RefusedError) as caught:
        await client.api.place_margin_limit(book, session, other, price6=1, amount18=1, is_buy=True)
    assert (caught.value.code, caught.value.proves_not_sent) == ("session_bad_trader", True)
    with pytest.raises(RefusedError) as caught:
        await client.api.place_margin_limit(book, session, trader, price6=10**12, amount18=10**24, is_buy=False)
    assert (caught.value.code, caught.value.proves_not_sent) == ("insufficient_collateral", True)
    with pytest.raises(RefusedError) as caught:
        await client.api.place_margin_limit(book, session, trader, price6=0, amount18=1, is_buy=True)
    assert caught.value.proves_not_sent


async def test_revoked_session_shows_on_chain_and_is_refused(client: Client) -> None:
    trader = client.wallets[0]
    session = client.sessions[trader]
    for _ in range(2):
        await client.api.session_revoke(client.market.address, session)
    records = await client.chain.session_records(client.venue.registry, [session])
    record = records[session]
    assert record is not None
    assert record.revoked
    with pytest.raises(RefusedError) as caught:
        await client.place(0, client.market.tick6)
    assert caught.value.code == "session_revoked"


async def test_unknown_market_is_refused(client: Client) -> None:
    with pytest.raises(RefusedError) as caught:
        await client.api.live(replace(client.market, symbol="NO-SUCH-MARKET"))
    assert caught.value.status == 404


async def test_steady_read_of_a_real_venue_costs_two_requests(client: Client) -> None:
    await client.place(0, 100 * client.market.tick6)
    await client.read()
    before = client.chain.stats.requests
    await client.read()
    assert client.chain.stats.requests - before == 2
