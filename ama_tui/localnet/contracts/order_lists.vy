# pragma version 0.4.3
"""
@title The lists of an order book
@notice Each side is a linked list of price levels, best first; each level is a queue of orders, oldest
        first; each trader has a list of its orders. An order is in its level and in its trader's list
        from when it is rested until it is removed.
@dev    A module of OrderBook. An order's id is its sequence number times 100,000 plus the storage slot
        that it rests in. Slots are used again, so that the state grows with the orders that rest, not
        with all that ever did. Slot 0 is never used: it is that of an order that filled at once.
"""

struct Order:
    id: uint256
    trader: address
    price: uint256
    amount: uint256
    isBuy: bool
    isMargin: bool
    timestamp: uint256
    margin6: uint256
    newer: uint256  # ids of the neighbours in the level's queue, 0 for none
    older: uint256
    index: uint256  # position in the trader's list

struct Level:
    amount: uint256  # sum over the level's orders
    first: uint256  # ids of the oldest and the newest order
    last: uint256
    better: uint256  # prices of the neighbouring levels, 0 for none
    worse: uint256

SLOTS: constant(uint256) = 100_000
MAX_LEVELS: constant(uint256) = 4_096
MAX_DEPTH: constant(uint256) = 500
MAX_PER_TRADER: constant(uint256) = 1_024

bestBid: public(uint256)  # prices, 0 for none
bestAsk: public(uint256)
levels: HashMap[uint256, Level]  # by price: a price is never on both sides
orders: HashMap[uint256, Order]  # by slot
ordersOf: HashMap[address, DynArray[uint256, MAX_PER_TRADER]]
sequence: uint256  # orders ever placed
slots: uint256  # slots ever used
freeSlot: uint256  # first of the free slots, chained through `newer`; 0 for none


# ---- reads ----


@internal
@view
def find(orderId: uint256) -> Order:
    """
    @return The order, or an empty one (trader zero) if it is not resting.
    """
    order: Order = self.orders[orderId % SLOTS]
    return order if order.id == orderId else empty(Order)


@internal
@view
def best(isBuy: bool) -> uint256:
    return self.bestBid if isBuy else self.bestAsk


@internal
@view
def oldestAt(price: uint256) -> uint256:
    """
    @return The id of the order that trades first at a price that has a level.
    """
    return self.levels[price].first


@internal
@view
def depth(isBuy: bool, levels: uint256) -> (DynArray[uint256, MAX_DEPTH], DynArray[uint256, MAX_DEPTH]):
    """
    @return Prices and amounts of a side's best levels.
    """
    prices: DynArray[uint256, MAX_DEPTH] = []
    amounts: DynArray[uint256, MAX_DEPTH] = []
    price: uint256 = self.best(isBuy)
    for _: uint256 in range(min(levels, MAX_DEPTH), bound=MAX_DEPTH):
        if price == 0:
            break
        prices.append(price)
        amounts.append(self.levels[price].amount)
        price = self.levels[price].worse
    return (prices, amounts)


# ---- orders ----


@internal
def nextId(rests: bool) -> uint256:
    """
    @notice Assign an id to a new order, and a slot if it will rest.
    """
    self.sequence += 1
    slot: uint256 = 0
    if rests:
        slot = self.freeSlot
        if slot != 0:
            self.freeSlot = self.orders[slot].newer
        else:
            self.slots += 1
            slot = self.slots
            assert slot < SLOTS, "ob_full"
    return self.sequence * SLOTS + slot


@internal
def rest(
    orderId: uint256,
    trader: address,
    price: uint256,
    amount: uint256,
    isBuy: bool,
    isMargin: bool,
    margin6: uint256,
):
    """
    @notice Append an order to its level's queue, creating the level if needed.
    """
    if self.levels[price].first == 0:
        self._link(price, isBuy)
        self.levels[price].first = orderId
    last: uint256 = self.levels[price].last
    if last != 0:
        self.orders[last % SLOTS].newer = orderId
    self.levels[price].last = orderId
    self.levels[price].amount += amount

    assert len(self.ordersOf[trader]) < MAX_PER_TRADER, "ob_too_many_orders"
    self.orders[orderId % SLOTS] = Order(
        id=orderId,
        trader=trader,
        price=price,
        amount=amount,
        isBuy=isBuy,
        isMargin=isMargin,
        timestamp=block.timestamp,
        margin6=margin6,
        newer=0,
        older=last,
        index=len(self.ordersOf[trader]),
    )
    self.ordersOf[trader].append(orderId)


@internal
def reduce(orderId: uint256, amount: uint256, margin6: uint256):
    """
    @notice Reduce an order's amount; it keeps its id and its position.
    """
    slot: uint256 = orderId % SLOTS
    self.orders[slot].amount -= amount
    self.orders[slot].margin6 -= margin6
    self.levels[self.orders[slot].price].amount -= amount


@internal
def remove(orderId: uint256):
    """
    @notice Remove an order from its level and its trader's list, and free its slot.
    """
    slot: uint256 = orderId % SLOTS
    order: Order = self.orders[slot]
    if order.newer == 0:
        self.levels[order.price].last = order.older
    else:
        self.orders[order.newer % SLOTS].older = order.older
    if order.older == 0:
        self.levels[order.price].first = order.newer
    else:
        self.orders[order.older % SLOTS].newer = order.newer
    self.levels[order.price].amount -= order.amount
    if self.levels[order.price].first == 0:
        self._unlink(order.price, order.isBuy)

    # The trader's last order moves to the position of the removed one.
    moved: uint256 = self.ordersOf[order.trader].pop()
    if moved != orderId:
        self.ordersOf[order.trader][order.index] = moved
        self.orders[moved % SLOTS].index = order.index

    self.orders[slot] = empty(Order)
    self.orders[slot].newer = self.freeSlot
    self.freeSlot = slot


# ---- levels ----


@internal
def _link(price: uint256, isBuy: bool):
    """
    @notice Create a level, walking from the best one to its position.
    """
    better: uint256 = 0
    worse: uint256 = self.best(isBuy)
    placed: bool = False
    for _: uint256 in range(MAX_LEVELS):
        if worse == 0 or (price > worse if isBuy else price < worse):
            placed = True
            break
        better = worse
        worse = self.levels[worse].worse
    assert placed, "ob_too_many_levels"
    self.levels[price].better = better
    self.levels[price].worse = worse
    self._join(better, price, isBuy)
    if worse != 0:
        self.levels[worse].better = price


@internal
def _unlink(price: uint256, isBuy: bool):
    level: Level = self.levels[price]
    self._join(level.better, level.worse, isBuy)
    if level.worse != 0:
        self.levels[level.worse].better = level.better
    self.levels[price] = empty(Level)


@internal
def _join(better: uint256, price: uint256, isBuy: bool):
    """
    @notice Let `price` follow `better`, or be the side's best when `better` is 0.
    """
    if better != 0:
        self.levels[better].worse = price
    elif isBuy:
        self.bestBid = price
    else:
        self.bestAsk = price
