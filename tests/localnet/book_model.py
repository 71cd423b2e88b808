"""A model order book in plain Python that defines what the contract should do."""

from __future__ import annotations

from dataclasses import dataclass, field

Trade = tuple[str, str, int, int]  # buyer, seller, price6, amount18


@dataclass
class ModelOrder:
    id: int
    trader: str
    is_buy: bool
    price6: int
    amount18: int


@dataclass
class BookModel:
    """Resting orders in order of arrival, with the contract's ids."""

    orders: list[ModelOrder] = field(default_factory=list)

    def match(self, trader: str, is_buy: bool, limit6: int | None, amount18: int) -> tuple[list[Trade], int]:
        """Match an incoming order. Returns the trades and the remaining amount."""
        trades: list[Trade] = []
        while amount18 > 0 and (maker := self._best(is_buy, limit6)) is not None:
            if maker.trader == trader:
                self.orders.remove(maker)
                continue
            filled = min(amount18, maker.amount18)
            amount18 -= filled
            maker.amount18 -= filled
            if maker.amount18 == 0:
                self.orders.remove(maker)
            pair = (trader, maker.trader) if is_buy else (maker.trader, trader)
            trades.append((*pair, maker.price6, filled))
        return trades, amount18

    def rest(self, order: ModelOrder) -> None:
        self.orders.append(order)

    def cancel(self, order_id: int) -> ModelOrder:
        order = next(order for order in self.orders if order.id == order_id)
        self.orders.remove(order)
        return order

    def depth(self, is_buy: bool) -> list[tuple[int, int]]:
        """(price6, amount18) of a side, best first."""
        levels: dict[int, int] = {}
        for order in self.orders:
            if order.is_buy == is_buy:
                levels[order.price6] = levels.get(order.price6, 0) + order.amount18
        return sorted(levels.items(), reverse=is_buy)

    def _best(self, taker_is_buy: bool, limit6: int | None) -> ModelOrder | None:
        sign = 1 if taker_is_buy else -1
        makers = [order for order in self.orders if order.is_buy != taker_is_buy]
        if limit6 is not None:
            makers = [order for order in makers if sign * order.price6 <= sign * limit6]
        return min(makers, key=lambda order: sign * order.price6, default=None)
