"""Background traders: one account that quotes every live book and moves its price, and one that takes.

In a block they send at most one transaction a live market: new quotes or a bite out of the book. What
they decide follows from the seed and the books they read, so the same run comes out again.
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
"""A billion USDC for each trader, and as much again should it ever run short."""
TAKE_SHARE = 0.2
"""The part of the steps in which a live book is traded against rather than requoted."""
SIDE_SHARE = 0.4
"""The part of the steps in which a live market other than the first is acted on at all."""
MARK_LAG_TICKS = 10
"""How far the price may run before the vault's mark follows."""
DEPTH = 25
"""Levels of a side to read for a step, and WHOLE_DEPTH for a jump through all that rests."""
WHOLE_DEPTH = 512
QUOTE_GAS = 200_000_000
"""Quotes that run into many orders of others fill them all in one transaction."""
MINED_WAIT = 60.0
POLL = 0.1

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class TraderMarket:
    """What the traders remember of a market; prices in ticks. `pending` is a transaction not yet mined."""

    listing: Listing
    rng: Random
    price: int
    home: int
    mark: int
    pending: str | None = None

    @property
    def sides(self) -> tuple[bool, ...]:
        """The sides that are quoted: True for bids, False for asks."""
        if self.listing.spec.use == "empty" or self.listing.spec.status != "ACTIVE":
            return ()
        return (True,) if self.listing.spec.use == "one_sided" else (True, False)


class Traders:
    """Quotes and takes on the books of a venue. `owner` is the account that owns the vault."""

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
        """Fund the traders, lay the first quotes of every book and trade once on the live ones."""
        for account in (self.maker, self.taker):
            await self._node.fund(account, 10**24)
            await self._mined(await self._credit(account))
        nothing = BookState((), (), ())
        await self._mined(
            *[
                await self._send_quotes(market, self._changes(market, nothing, None))
                for market in self._markets.values()
                if market.sides
            ]
        )
        await self._mined(*[await self._send_take(market, True, 10**15) for market in self._live])

    def start(self) -> None:
        """Begin to act: once a block, or at the options' pace where blocks follow transactions."""
        self._task = asyncio.create_task(self._run(), name="localnet traders")

    async def close(self) -> None:
        """Stop acting. What rests goes on resting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def pause(self) -> None:
        """Let the books stand still."""
        self._paused = True

    def resume(self) -> None:
        """Go on acting after a pause."""
        self._paused = False

    async def step(self) -> None:
        """Act on the first live market, and now and then on the others, where the last act is mined."""
        async with self._acting:
            for market in self._live:
                if market is self._live[0] or market.rng.random() < SIDE_SHARE:
                    await self._act(market)

    async def set_price(self, book: str, price6: int) -> None:
        """Put a market's price and mark at `price6` at once and wait until it is mined. Raises NodeError."""
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
        """Trade `amount18` at the market against the best orders of a book, and return the receipt."""
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
        """Wait for a block after `last_block`, or for the pace's time, and return the latest block."""
        if self._options.block_time == 0:
            await asyncio.sleep(self._options.traders_pace)
            return last_block
        while True:
            block = await self._node.block_number()
            if block > last_block:
                return block
            await asyncio.sleep(min(POLL, self._options.block_time / 4))

    async def _act(self, market: TraderMarket) -> None:
        if not await self._is_settled(market):
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

    async def _is_settled(self, market: TraderMarket) -> bool:
        """Whether the market's last transaction is mined; a trader that ran out of money gets more."""
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
        """Wait until transactions are mined. Raises NodeError when one reverts or is not mined in time."""
        for tx_hash in sent:
            receipt = await self._receipt(tx_hash)
            if not receipt.ok:
                raise NodeError(f"a transaction of the traders reverted ({receipt.revert_reason or 'no reason'})")

    async def _receipt(self, tx_hash: str) -> NodeReceipt:
        receipt = await self._node.wait_receipt(tx_hash, MINED_WAIT)
        if receipt is None:
            raise NodeError("a transaction of the traders was not mined in time", "is the node making blocks?")
        self._trade_history.record(receipt)
        return receipt


def _open_market(listing: Listing, seed: int) -> TraderMarket:
    ticks = listing.spec.price_ticks
    return TraderMarket(listing, Random(f"{seed}/{listing.spec.symbol}"), price=ticks, home=ticks, mark=ticks)
