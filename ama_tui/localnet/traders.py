"""Background traders: a maker that quotes every live book and moves its price, and a taker.

Per block they send at most one transaction per live market: new quotes or a market order. Their decisions depend only
on the seed and the books they read, so a run can be reproduced.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from random import Random

from ama_tui.localnet import abi
from ama_tui.localnet.contract_reads import ContractRead, read_all
from ama_tui.localnet.keys import derive_wallet
from ama_tui.localnet.listing import Listing, Listings
from ama_tui.localnet.node import Node, NodeError, NodeReceipt
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.quoting import (
    BookState,
    QuoteLevel,
    Requote,
    TraderQuote,
    next_price_ticks,
    requote,
    take_size,
    touch_targets,
)
from ama_tui.localnet.trade_history import TradeHistory

ENDOWMENT6 = 10**15
"""Collateral of each trader: a billion USDC, topped up by as much if it runs out."""
TAKE_SHARE = 0.2
"""The share of steps that take from a live book instead of requoting it."""
SIDE_SHARE = 0.4
"""The share of steps that act on each live market other than the first."""
MARK_LAG_TICKS = 10
"""How far the price may move before the vault's mark follows."""
DEPTH = 25
"""Price levels per side to read for a step."""
WHOLE_DEPTH = 512
"""Price levels per side to read for a price jump through the whole book."""
QUOTE_GAS = 200_000_000
"""Gas limit of a requote, which may fill many orders in one transaction."""
MINED_WAIT = 60.0
POLL = 0.1

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class TraderMarket:
    """The traders' state of a market. Prices are in ticks."""

    listing: Listing
    rng: Random
    price: int
    home: int
    """The price that `price` drifts back to."""
    mark: int
    """The mark price last set in the vault."""
    pending: str | None = None
    """Hash of the last transaction until it is mined."""

    @property
    def sides(self) -> tuple[bool, ...]:
        """The sides to quote: True for bids, False for asks."""
        if self.listing.spec.use == "empty" or self.listing.spec.status != "ACTIVE":
            return ()
        return (True,) if self.listing.spec.use == "one_sided" else (True, False)


class Traders:
    """Quotes and takes on a venue's books. `owner` is the account that owns the vault."""

    def __init__(
        self, node: Node, vault: str, owner: str, listings: Listings, trade_history: TradeHistory, options: VenueOptions
    ) -> None:
        self._node = node
        self._vault = vault
        self._owner = owner
        self._trade_history = trade_history
        self._options = options
        self.maker = derive_wallet(options.seed, "maker").account
        self.taker = derive_wallet(options.seed, "taker").account
        self._markets = {listing.address: _open_market(listing, options.seed) for listing in listings}
        self._acting = asyncio.Lock()
        self._paused = False
        self._task: asyncio.Task[None] | None = None
        self._live = [market for market in self._markets.values() if market.listing.spec.use == "live"]

    async def prepare(self) -> None:
        """Fund the traders, place the first quotes on every book and trade once on the live ones."""
        for account in (self.maker, self.taker):
            await self._node.fund(account, 10**24)
            await self._mined(await self._credit(account))
        empty = BookState((), (), ())
        await self._mined(
            *[
                await self._send_quotes(market, self._changes(market, empty, None))
                for market in self._markets.values()
                if market.sides
            ]
        )
        await self._mined(*[await self._send_take(market, True, 10**15) for market in self._live])

    def start(self) -> None:
        """Start acting: once per block, or every `traders_pace` seconds if each transaction has its own block."""
        self._task = asyncio.create_task(self._run(), name="localnet traders")

    async def close(self) -> None:
        """Stop acting. Resting orders stay."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def pause(self) -> None:
        """Stop changing the books until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Continue after `pause`."""
        self._paused = False

    async def step(self) -> None:
        """Act on the first live market and sometimes on the others, if their last transaction is mined."""
        async with self._acting:
            for market in self._live:
                if market is self._live[0] or market.rng.random() < SIDE_SHARE:
                    await self._act(market)

    async def set_price(self, book: str, price6: int) -> None:
        """Move a market's price and mark to `price6` and wait until that is mined. Raises NodeError."""
        market = self._markets[book]
        async with self._acting:
            market.price = market.home = max(1, price6 // market.listing.spec.tick6)
            sent = [await self._send_mark(market)]
            if market.sides:
                changes = self._changes(market, await self._read(market, WHOLE_DEPTH), None)
                if changes:
                    sent.append(await self._send_quotes(market, changes))
            await self._mined(*sent)

    async def take(self, book: str, is_buy: bool, amount18: int) -> NodeReceipt:
        """Send a market order for `amount18` to a book and return the receipt."""
        async with self._acting:
            tx_hash = await self._send_take(self._markets[book], is_buy, amount18)
            return await self._receipt(tx_hash)

    async def _run(self) -> None:
        block = -1
        while True:
            try:
                block = await self._next_turn(block)
                if not self._paused:
                    await self.step()
            except NodeError as error:
                _log.warning("the traders could not act: %s", error)
                await asyncio.sleep(1)
            except Exception:
                _log.exception("the traders could not act")
                await asyncio.sleep(1)

    async def _next_turn(self, last_block: int) -> int:
        """Wait for a block after `last_block`, or for `traders_pace`. Returns the latest block."""
        if self._options.block_time == 0:
            await asyncio.sleep(self._options.traders_pace)
            return last_block
        while True:
            block = await self._node.block_number()
            if block > last_block:
                return block
            await asyncio.sleep(min(POLL, self._options.block_time / 4))

    async def _act(self, market: TraderMarket) -> None:
        if not await self._is_idle(market):
            return
        state = await self._read(market)
        tick6, max_move = market.listing.spec.tick6, self._options.max_move_ticks
        if market.rng.random() < TAKE_SHARE:
            is_buy = market.rng.random() < 0.5
            amount18 = take_size(state.side(not is_buy), tick6, max_move, market.rng)
            if amount18 > 0:
                market.pending = await self._send_take(market, is_buy, amount18)
            return
        market.price = next_price_ticks(market.rng, market.price, market.home, max_move)
        changes = self._changes(market, state, max_move)
        if changes:
            market.pending = await self._send_quotes(market, changes)
        if abs(market.price - market.mark) >= MARK_LAG_TICKS:
            await self._send_mark(market)

    async def _is_idle(self, market: TraderMarket) -> bool:
        """Whether the market's last transaction is mined. Tops up the traders if they ran out of collateral."""
        if market.pending is None:
            return True
        receipt = await self._node.receipt(market.pending)
        if receipt is None:
            return False
        market.pending = None
        self._trade_history.record(receipt)
        if receipt.revert_reason == "insufficient_collateral":
            await self._credit(self.maker)
            await self._credit(self.taker)
        return True

    def _changes(self, market: TraderMarket, state: BookState, max_move: int | None) -> Requote:
        tick6 = market.listing.spec.tick6
        targets = touch_targets(state, market.price, tick6, max_move)
        return requote(state, targets, tick6, market.rng, market.sides)

    async def _read(self, market: TraderMarket, depth_levels: int = DEPTH) -> BookState:
        book = market.listing.address
        depth, (ids,) = await read_all(
            self._node,
            [
                ContractRead("OrderBook", book, "getOrderBookDepthFromPointers", (depth_levels,)),
                ContractRead("OrderBook", book, "getUserOrders", (self.maker,)),
            ],
        )
        orders = await read_all(self._node, [ContractRead("OrderBook", book, "getOrder", (each,)) for each in ids])
        bid_prices, bid_amounts, ask_prices, ask_amounts = depth
        return BookState(
            bids=tuple(map(QuoteLevel, bid_prices, bid_amounts)),
            asks=tuple(map(QuoteLevel, ask_prices, ask_amounts)),
            own=tuple(
                TraderQuote(order[2], order[3], order[4], order_id=order[0]) for order in orders if order[0] != 0
            ),
        )

    async def _send_quotes(self, market: TraderMarket, changes: Requote) -> str:
        data = abi.encode(
            "OrderBook",
            "requote",
            [
                [quote.order_id for quote in changes.cancels],
                [quote.price6 for quote in changes.places],
                [quote.amount18 for quote in changes.places],
                [quote.is_buy for quote in changes.places],
            ],
        )
        return await self._node.send(self.maker, market.listing.address, data, gas=QUOTE_GAS)

    async def _send_take(self, market: TraderMarket, is_buy: bool, amount18: int) -> str:
        data = abi.encode("OrderBook", "placeMarginMarket", [amount18, is_buy])
        return await self._node.send(self.taker, market.listing.address, data)

    async def _send_mark(self, market: TraderMarket) -> str:
        market.mark = market.price
        price6 = market.price * market.listing.spec.tick6
        data = abi.encode("CoreVault", "setMarkPrice", [market.listing.market_id_bytes, price6])
        return await self._node.send(self._owner, self._vault, data)

    async def _credit(self, account: str) -> str:
        data = abi.encode("CoreVault", "credit", [account, ENDOWMENT6])
        return await self._node.send(self._owner, self._vault, data)

    async def _mined(self, *sent: str) -> None:
        """Wait until transactions are mined. Raises NodeError if one reverts or is not mined in time."""
        for tx_hash in sent:
            receipt = await self._receipt(tx_hash)
            if not receipt.ok:
                raise NodeError(f"a transaction of the traders reverted ({receipt.revert_reason or 'no reason'})")

    async def _receipt(self, tx_hash: str) -> NodeReceipt:
        receipt = await self._node.wait_receipt(tx_hash, MINED_WAIT)
        if receipt is None:
            raise NodeError("a transaction of the traders was not mined in time", "check that the node mines blocks")
        self._trade_history.record(receipt)
        return receipt


def _open_market(listing: Listing, seed: int) -> TraderMarket:
    ticks = listing.spec.price_ticks
    return TraderMarket(listing, Random(f"{seed}/{listing.spec.symbol}"), price=ticks, home=ticks, mark=ticks)
