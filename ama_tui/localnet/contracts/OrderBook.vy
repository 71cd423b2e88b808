# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Order book of one market
@notice Price-time matching: the best price trades first, and at a price the oldest order. A limit
        order that crosses trades and rests what is left.
@dev    Prices have 6 decimals, amounts 18, margin 6 (USDC). There is no tick and no post-only flag.
        A spot order is fully collateralised: it reserves and locks 100 % of its notional on either
        side, and otherwise trades as a margin order does.
"""

import order_lists as lists

initializes: lists
exports: (lists.bestBid, lists.bestAsk)

interface Vault:
    def reserve(trader: address, margin6: uint256): nonpayable
    def release(trader: address, margin6: uint256): nonpayable
    def settle(
        maker: address,
        taker: address,
        released6: uint256,
        price6: uint256,
        amount18: uint256,
        takerIsBuy: bool,
        makerBps: uint256,
        takerBps: uint256,
    ) -> bool: nonpayable
    def isFunded(trader: address) -> bool: view
    def getPositionSummary(trader: address, marketId: bytes32) -> (int256, uint256, uint256): view

interface Registry:
    def chargeSession(
        sessionId: bytes32,
        trader: address,
        methodBit: uint256,
        notional6: uint256,
        proof: DynArray[bytes32, MAX_PROOF],
        relayer: address,
    ): nonpayable

event OrderPlaced:
    orderId: indexed(uint256)
    trader: indexed(address)
    price: uint256
    amount: uint256
    isBuy: bool
    isMarginOrder: bool

event OrderRested:
    orderId: indexed(uint256)
    trader: indexed(address)
    price: uint256
    amount: uint256
    isBuy: bool
    isMarginOrder: bool

event OrderCancelled:
    orderId: indexed(uint256)
    trader: indexed(address)
    price: uint256
    amount: uint256
    isBuy: bool

event OrderModified:
    oldOrderId: indexed(uint256)
    newOrderId: indexed(uint256)
    trader: indexed(address)
    newPrice: uint256
    newAmount: uint256

event TradeExecutionCompleted:
    buyer: indexed(address)
    seller: indexed(address)
    price: uint256
    amount: uint256

UNIT: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
SELL_BPS: constant(uint256) = 15_000  # for margin sells, regardless of the market's requirement
SPOT_BPS: constant(uint256) = 10_000
MAX_FILLS: constant(uint256) = 128  # trades and self-cancellations per incoming order
MAX_DEPTH: constant(uint256) = 500
MAX_PER_TRADER: constant(uint256) = 1_024
MAX_BATCH: constant(uint256) = 64
MAX_PROOF: constant(uint256) = 16

# bits of a session's methods
PLACE_LIMIT: constant(uint256) = 0
PLACE_MARGIN_LIMIT: constant(uint256) = 1
PLACE_MARKET: constant(uint256) = 2
PLACE_MARGIN_MARKET: constant(uint256) = 3
MODIFY: constant(uint256) = 4
CANCEL: constant(uint256) = 5

VAULT: immutable(Vault)
REGISTRY: immutable(Registry)
MARKET_ID: immutable(bytes32)
MARGIN_REQ_BPS: immutable(uint256)
CONTROLLER: immutable(address)

lastTradePrice: public(uint256)


@deploy
def __init__(vault: address, registry: address, marketId: bytes32, marginReqBps: uint256):
    VAULT = Vault(vault)
    REGISTRY = Registry(registry)
    MARKET_ID = marketId
    MARGIN_REQ_BPS = marginReqBps
    CONTROLLER = msg.sender


# ---- through a session: sent by a relayer ----


@external
def sessionPlaceLimit(
    sessionId: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
    trader: address,
    price: uint256,
    amount: uint256,
    isBuy: bool,
) -> uint256:
    self._charge(sessionId, proof, trader, PLACE_LIMIT, self._notional6(price, amount))
    return self._limit(trader, price, amount, isBuy, False)


@external
def sessionPlaceMarginLimit(
    sessionId: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
    trader: address,
    price: uint256,
    amount: uint256,
    isBuy: bool,
) -> uint256:
    self._charge(sessionId, proof, trader, PLACE_MARGIN_LIMIT, self._notional6(price, amount))
    return self._limit(trader, price, amount, isBuy, True)


@external
def sessionPlaceMarket(
    sessionId: bytes32, proof: DynArray[bytes32, MAX_PROOF], trader: address, amount: uint256, isBuy: bool
):
    self._charge(sessionId, proof, trader, PLACE_MARKET, self._touchNotional6(amount, isBuy))
    self._marketOrder(trader, amount, isBuy, False)


@external
def sessionPlaceMarginMarket(
    sessionId: bytes32, proof: DynArray[bytes32, MAX_PROOF], trader: address, amount: uint256, isBuy: bool
):
    self._charge(sessionId, proof, trader, PLACE_MARGIN_MARKET, self._touchNotional6(amount, isBuy))
    self._marketOrder(trader, amount, isBuy, True)


@external
def sessionModifyOrder(
    sessionId: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
    trader: address,
    orderId: uint256,
    price: uint256,
    amount: uint256,
) -> uint256:
    """
    @return The order's new id: a modification is a cancellation and a new order.
    """
    self._charge(sessionId, proof, trader, MODIFY, self._notional6(price, amount))
    return self._modify(trader, orderId, price, amount)


@external
def sessionCancelOrder(
    sessionId: bytes32, proof: DynArray[bytes32, MAX_PROOF], trader: address, orderId: uint256
):
    self._charge(sessionId, proof, trader, CANCEL, 0)
    self._cancelOwn(trader, orderId)


# ---- directly: sent by the trader itself ----


@external
def placeMarginLimit(price: uint256, amount: uint256, isBuy: bool) -> uint256:
    return self._limit(msg.sender, price, amount, isBuy, True)


@external
def placeMarginMarket(amount: uint256, isBuy: bool):
    self._marketOrder(msg.sender, amount, isBuy, True)


@external
def modifyOrder(orderId: uint256, price: uint256, amount: uint256) -> uint256:
    return self._modify(msg.sender, orderId, price, amount)


@external
def cancelOrder(orderId: uint256):
    self._cancelOwn(msg.sender, orderId)


@external
def cancelAll():
    """
    @notice Cancel the sender's orders, at most 128 per call.
    """
    for _: uint256 in range(MAX_FILLS):
        count: uint256 = len(lists.ordersOf[msg.sender])
        if count == 0:
            break
        self._cancel(lists.find(lists.ordersOf[msg.sender][count - 1]))


@external
def requote(
    cancelIds: DynArray[uint256, MAX_BATCH],
    prices: DynArray[uint256, MAX_BATCH],
    amounts: DynArray[uint256, MAX_BATCH],
    isBuy: DynArray[bool, MAX_BATCH],
):
    """
    @notice Cancel some of the sender's margin orders and place others, in one transaction.
    @dev    Unknown ids and other traders' ids are skipped.
    """
    assert len(prices) == len(amounts) and len(prices) == len(isBuy), "bad_batch"
    for orderId: uint256 in cancelIds:
        order: lists.Order = lists.find(orderId)
        if order.trader == msg.sender:
            self._cancel(order)
    for i: uint256 in range(len(prices), bound=MAX_BATCH):
        self._limit(msg.sender, prices[i], amounts[i], isBuy[i], True)


# ---- reads ----


@external
@view
def marketStatic() -> (address, bytes32, bool, uint256):
    """
    @return vault, marketId, useVWAP, vwapWindow
    """
    return (VAULT.address, MARKET_ID, False, 0)


@external
@view
def getLeverageInfo() -> (bool, uint256, uint256, address):
    """
    @return enabled, maxLev, marginReqBps, controller
    """
    return (True, max(BPS // MARGIN_REQ_BPS, 1), MARGIN_REQ_BPS, CONTROLLER)


@external
@view
def getUserOrders(trader: address) -> DynArray[uint256, MAX_PER_TRADER]:
    """
    @return Ids of the resting orders, in no particular order.
    """
    return lists.ordersOf[trader]


@external
@view
def getOrder(
    orderId: uint256,
) -> (uint256, address, uint256, uint256, bool, uint256, uint256, uint256, bool, uint256):
    """
    @return orderId, trader, price, amount, isBuy, timestamp, nextOrderId, marginRequired,
            isMarginOrder, prevOrderId; all zero for an order that does not rest.
    """
    order: lists.Order = lists.find(orderId)
    return (
        order.id,
        order.trader,
        order.price,
        order.amount,
        order.isBuy,
        order.timestamp,
        order.newer,
        order.margin6,
        order.isMargin,
        order.older,
    )


@external
@view
def getOrderBookDepthFromPointers(
    levels: uint256,
) -> (
    DynArray[uint256, MAX_DEPTH],
    DynArray[uint256, MAX_DEPTH],
    DynArray[uint256, MAX_DEPTH],
    DynArray[uint256, MAX_DEPTH],
):
    """
    @param levels How many levels of each side, at most 500.
    @return bidPrices, bidAmounts, askPrices, askAmounts; best first.
    """
    bidPrices: DynArray[uint256, MAX_DEPTH] = []
    bidAmounts: DynArray[uint256, MAX_DEPTH] = []
    askPrices: DynArray[uint256, MAX_DEPTH] = []
    askAmounts: DynArray[uint256, MAX_DEPTH] = []
    bidPrices, bidAmounts = lists.depth(True, levels)
    askPrices, askAmounts = lists.depth(False, levels)
    return (bidPrices, bidAmounts, askPrices, askAmounts)


@external
@view
def getUserPosition(trader: address) -> int256:
    """
    @return The trader's position here, 18 decimals, positive for long.
    """
    size18: int256 = 0
    entry6: uint256 = 0
    margin6: uint256 = 0
    size18, entry6, margin6 = staticcall VAULT.getPositionSummary(trader, MARKET_ID)
    return size18


# ---- matching ----


@internal
def _charge(
    sessionId: bytes32,
    proof: DynArray[bytes32, MAX_PROOF],
    trader: address,
    methodBit: uint256,
    notional6: uint256,
):
    extcall REGISTRY.chargeSession(sessionId, trader, methodBit, notional6, proof, msg.sender)


@internal
def _limit(trader: address, price: uint256, amount: uint256, isBuy: bool, isMargin: bool) -> uint256:
    assert price > 0, "price_must_be_gt_0"
    assert amount > 0, "amount_must_be_gt_0"
    left: uint256 = 0
    opened: bool = False
    left, opened = self._match(trader, price, amount, isBuy, isMargin)
    if left > 0:
        assert self._opposite(price, isBuy) == 0, "ob_too_many_fills"

    orderId: uint256 = lists.nextId(left > 0)
    log OrderPlaced(
        orderId=orderId, trader=trader, price=price, amount=left, isBuy=isBuy, isMarginOrder=isMargin
    )
    if left > 0:
        margin6: uint256 = self._notional6(price, left) * self._bps(isBuy, isMargin) // BPS
        lists.rest(orderId, trader, price, left, isBuy, isMargin, margin6)
        extcall VAULT.reserve(trader, margin6)
        log OrderRested(
            orderId=orderId, trader=trader, price=price, amount=left, isBuy=isBuy, isMarginOrder=isMargin
        )
    # An order that only closes a position may always trade.
    if left > 0 or opened:
        assert staticcall VAULT.isFunded(trader), "insufficient_collateral"
    return orderId


@internal
def _marketOrder(trader: address, amount: uint256, isBuy: bool, isMargin: bool):
    """
    @dev Takes what there is, at most 128 orders; the rest of the amount is dropped. It has no id, and
         shows in trades only.
    """
    assert amount > 0, "amount_must_be_gt_0"
    left: uint256 = 0
    opened: bool = False
    left, opened = self._match(trader, 0, amount, isBuy, isMargin)
    assert left < amount, "ob_no_liquidity_for_market"
    if opened:
        assert staticcall VAULT.isFunded(trader), "insufficient_collateral"


@internal
def _match(
    trader: address, limit: uint256, amount: uint256, isBuy: bool, isMargin: bool
) -> (uint256, bool):
    """
    @param limit The worst price to trade at, 0 for any.
    @return The remaining amount, and whether any position was opened.
    """
    left: uint256 = amount
    opened: bool = False
    for _: uint256 in range(MAX_FILLS):
        price: uint256 = self._opposite(limit, isBuy)
        if left == 0 or price == 0:
            break
        maker: lists.Order = lists.find(lists.oldestAt(price))
        if maker.trader == trader:
            self._cancel(maker)
            continue
        filled: uint256 = min(left, maker.amount)
        if self._fill(maker, filled, trader, isMargin):
            opened = True
        left -= filled
    return (left, opened)


@internal
def _fill(maker: lists.Order, filled: uint256, taker: address, takerIsMargin: bool) -> bool:
    """
    @notice Trade with the maker's order, at its price.
    @return Whether the trade opened any position for the taker.
    """
    takerIsBuy: bool = not maker.isBuy
    released6: uint256 = maker.margin6 * filled // maker.amount
    if filled == maker.amount:
        lists.remove(maker.id)
    else:
        lists.reduce(maker.id, filled, released6)
    self.lastTradePrice = maker.price
    log TradeExecutionCompleted(
        buyer=taker if takerIsBuy else maker.trader,
        seller=maker.trader if takerIsBuy else taker,
        price=maker.price,
        amount=filled,
    )
    return extcall VAULT.settle(
        maker.trader,
        taker,
        released6,
        maker.price,
        filled,
        takerIsBuy,
        self._bps(maker.isBuy, maker.isMargin),
        self._bps(takerIsBuy, takerIsMargin),
    )


@internal
def _modify(trader: address, orderId: uint256, price: uint256, amount: uint256) -> uint256:
    order: lists.Order = lists.find(orderId)
    self._cancelOwn(trader, orderId)
    newId: uint256 = self._limit(trader, price, amount, order.isBuy, order.isMargin)
    log OrderModified(
        oldOrderId=orderId, newOrderId=newId, trader=trader, newPrice=price, newAmount=amount
    )
    return newId


@internal
def _cancelOwn(trader: address, orderId: uint256):
    order: lists.Order = lists.find(orderId)
    assert order.trader != empty(address), "order_unknown"
    assert order.trader == trader, "order_not_owner"
    self._cancel(order)


@internal
def _cancel(order: lists.Order):
    lists.remove(order.id)
    extcall VAULT.release(order.trader, order.margin6)
    log OrderCancelled(
        orderId=order.id, trader=order.trader, price=order.price, amount=order.amount, isBuy=order.isBuy
    )


# ---- helpers ----


@internal
@pure
def _notional6(price: uint256, amount: uint256) -> uint256:
    return amount * price // UNIT


@internal
@view
def _touchNotional6(amount: uint256, isBuy: bool) -> uint256:
    """
    @dev A market order is charged to its session at the best opposite price.
    """
    return self._notional6(self._opposite(0, isBuy), amount)


@internal
@view
def _bps(isBuy: bool, isMargin: bool) -> uint256:
    if not isMargin:
        return SPOT_BPS
    return MARGIN_REQ_BPS if isBuy else SELL_BPS


@internal
@view
def _opposite(limit: uint256, isBuy: bool) -> uint256:
    """
    @return The best opposite price if an order with this limit crosses it, else 0.
    """
    price: uint256 = lists.best(not isBuy)
    if limit != 0 and (price > limit if isBuy else price < limit):
        return 0
    return price
