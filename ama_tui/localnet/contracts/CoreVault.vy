# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Core vault
@notice Every trader's collateral, the margin that resting orders reserve and positions lock,
        the positions themselves and the markets' mark prices.
@dev    Collateral and margin are USDC with 6 decimals, prices have 6, sizes 18. Cash and cost are
        kept with 24 decimals (size times price), so that profit and loss are exact: the sum of
        `cash24 - cost24` over all traders and markets never changes by a trade. There is no
        liquidation: a loss may take a trader's cash below zero, and its available is then zero.
"""

interface Book:
    def marketStatic() -> (address, bytes32, bool, uint256): view

struct Position:
    size18: int256
    cost24: int256
    margin6: uint256

event Credited:
    trader: indexed(address)
    usdc6: uint256

UNIT: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

owner: public(address)
bookOf: public(HashMap[bytes32, address])
marketOf: public(HashMap[address, bytes32])
restingFee6: public(uint256)
fees6: public(uint256)
credited6: public(uint256)
cash24: public(HashMap[address, int256])
reserved6: public(HashMap[address, uint256])
locked6: public(HashMap[address, uint256])
positions: HashMap[address, HashMap[bytes32, Position]]
marks: HashMap[bytes32, uint256]


@deploy
def __init__():
    self.owner = msg.sender


# ---- administration ----


@external
def registerBook(marketId: bytes32, book: address):
    """
    @notice Let an order book move margin and positions of its market.
    """
    assert msg.sender == self.owner, "not_owner"
    assert marketId != empty(bytes32) and book.is_contract, "bad_market"
    self.bookOf[marketId] = book
    self.marketOf[book] = marketId


@external
def credit(trader: address, usdc6: uint256):
    """
    @notice Create collateral for a trader: this vault is its own faucet.
    """
    assert msg.sender == self.owner, "not_owner"
    self.cash24[trader] += convert(usdc6 * UNIT, int256)
    self.credited6 += usdc6
    log Credited(trader=trader, usdc6=usdc6)


@external
def setMarkPrice(marketId: bytes32, price6: uint256):
    assert msg.sender == self.owner, "not_owner"
    self.marks[marketId] = price6


@external
def setRestingFee(fee6: uint256):
    """
    @notice Set the fee that an order pays when it rests; 0 (the default) for none.
    """
    assert msg.sender == self.owner, "not_owner"
    self.restingFee6 = fee6


# ---- for order books ----


@external
def reserve(trader: address, margin6: uint256):
    """
    @notice Reserve margin for an order that rests, and charge its fee.
    """
    self._market()
    self.reserved6[trader] += margin6
    fee6: uint256 = self.restingFee6
    if fee6 > 0:
        self.cash24[trader] -= convert(fee6 * UNIT, int256)
        self.fees6 += fee6


@external
def release(trader: address, margin6: uint256):
    self._market()
    self.reserved6[trader] -= margin6


@external
def settle(
    maker: address,
    taker: address,
    released6: uint256,
    price6: uint256,
    amount18: uint256,
    takerIsBuy: bool,
    makerBps: uint256,
    takerBps: uint256,
) -> bool:
    """
    @notice Book a trade for both sides. Never fails for lack of collateral.
    @param released6 The part of the maker's reservation that this trade uses.
    @return Whether the trade opened any position for the taker.
    """
    marketId: bytes32 = self._market()
    self.reserved6[maker] -= released6
    self._trade(maker, marketId, price6, amount18, not takerIsBuy, makerBps)
    return self._trade(taker, marketId, price6, amount18, takerIsBuy, takerBps)


@external
@view
def isFunded(trader: address) -> bool:
    """
    @return Whether the trader's collateral covers all the margin in use.
    """
    return self._available6(trader) >= 0


# ---- reads ----


@external
@view
def getAvailableCollateral(trader: address) -> uint256:
    """
    @return What is available for new orders: cash minus reservations minus the margin of positions.
    """
    return convert(max(self._available6(trader), 0), uint256)


@external
@view
def getMarkPrice(marketId: bytes32) -> uint256:
    return self.marks[marketId]


@external
@view
def getPositionSummary(trader: address, marketId: bytes32) -> (int256, uint256, uint256):
    """
    @return size (18 decimals, positive for long), average entry price, margin locked.
    """
    position: Position = self.positions[trader][marketId]
    entry6: uint256 = 0
    if position.size18 != 0:
        entry6 = convert(position.cost24 // position.size18, uint256)
    return (position.size18, entry6, position.margin6)


@external
@view
def getPositionCost(trader: address, marketId: bytes32) -> int256:
    """
    @return The cost of the open position with 24 decimals; negative for a short.
    """
    return self.positions[trader][marketId].cost24


# ---- bookkeeping ----


@internal
@view
def _market() -> bytes32:
    marketId: bytes32 = self.marketOf[msg.sender]
    assert marketId != empty(bytes32), "not_a_book"
    return marketId


@internal
@view
def _available6(trader: address) -> int256:
    used6: uint256 = self.reserved6[trader] + self.locked6[trader]
    return self.cash24[trader] // convert(UNIT, int256) - convert(used6, int256)


@internal
def _trade(
    trader: address, marketId: bytes32, price6: uint256, amount18: uint256, isBuy: bool, bps: uint256
) -> bool:
    """
    @notice Close what the trade offsets, realising its profit or loss, then open the rest.
    @return Whether anything was opened.
    """
    position: Position = self.positions[trader][marketId]
    direction: int256 = 1 if isBuy else -1
    held18: uint256 = convert(abs(position.size18), uint256)

    closed18: uint256 = 0
    if position.size18 * direction < 0:
        closed18 = min(held18, amount18)
        freed6: uint256 = position.margin6 * closed18 // held18
        cost24: int256 = position.cost24 * convert(closed18, int256) // convert(held18, int256)
        paid24: int256 = direction * convert(closed18 * price6, int256)
        position.size18 += direction * convert(closed18, int256)
        position.cost24 -= cost24
        position.margin6 -= freed6
        self.locked6[trader] -= freed6
        self.cash24[trader] -= paid24 + cost24

    opened18: uint256 = amount18 - closed18
    if opened18 > 0:
        margin6: uint256 = opened18 * price6 // UNIT * bps // BPS
        position.size18 += direction * convert(opened18, int256)
        position.cost24 += direction * convert(opened18 * price6, int256)
        position.margin6 += margin6
        self.locked6[trader] += margin6

    self.positions[trader][marketId] = position
    return opened18 > 0
