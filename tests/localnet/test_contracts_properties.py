"""Random trading: the book always matches a simple model, and its accounts add up."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

# Loaded here because py-evm sets the recursion limit when it is, which hypothesis must not see mid-test.
import ama_tui.localnet.evm_pyevm  # noqa: F401
from ama_tui.localnet.evm import ExecutionResult
from ama_tui.localnet.options import EngineName
from tests.localnet.book_model import BookModel, ModelOrder, Trade
from tests.localnet.contract_bench import ALICE, BOB, CAROL, TRADER, UNIT, USDC, Bench
from tests.sizes import size

POOR = "0x" + "dd" * 20
TRADERS = [ALICE, BOB, CAROL, POOR]
CREDITED6 = 4 * 1_000_000 * USDC + 500 * USDC

traders = st.sampled_from(TRADERS)
prices = st.integers(95, 105).map(lambda dollars: dollars * USDC) | st.integers(95 * USDC, 105 * USDC)
amounts = st.integers(1, 5).map(lambda units: units * UNIT) | st.integers(1, 5 * UNIT)
picks = st.integers(0, 10**6)


class BookMachine(RuleBasedStateMachine):
    """Random trading on one market by four traders, one of whom soon runs out of collateral."""

    engine: EngineName = "auto"

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(self.engine, margin_bps=7_000)
        self.bench.credit(POOR, 500 * USDC)
        self.model = BookModel()

    # ---- actions ----

    @rule(trader=traders, is_buy=st.booleans(), price6=prices, amount18=amounts)
    def place(self, trader: str, is_buy: bool, price6: int, amount18: int) -> None:
        result = self.bench.try_send(trader, "OrderBook", "placeMarginLimit", price6, amount18, is_buy)
        if self._refused(result):
            return
        self._expect_limit(result, trader, is_buy, price6, amount18)

    @rule(trader=traders, is_buy=st.booleans(), amount18=amounts)
    def take(self, trader: str, is_buy: bool, amount18: int) -> None:
        expected = deepcopy(self.model)
        trades, left = expected.match(trader, is_buy, None, amount18)
        result = self.bench.try_send(trader, "OrderBook", "placeMarginMarket", amount18, is_buy)
        if left == amount18:
            assert result.reason == "ob_no_liquidity_for_market"
        elif not self._refused(result):
            self.model = expected
            assert self._trades(result) == trades

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        order = self.model.orders[pick % len(self.model.orders)]
        self.bench.cancel(order.trader, order.id)
        self.model.cancel(order.id)

    @precondition(lambda self: self.model.orders)
    @rule(pick=picks, price6=prices, amount18=amounts)
    def modify(self, pick: int, price6: int, amount18: int) -> None:
        order = self.model.orders[pick % len(self.model.orders)]
        result = self.bench.try_send(order.trader, "OrderBook", "modifyOrder", order.id, price6, amount18)
        if self._refused(result):
            return
        self.model.cancel(order.id)
        self._expect_limit(result, order.trader, order.is_buy, price6, amount18)

    def _expect_limit(self, result: ExecutionResult, trader: str, is_buy: bool, price6: int, amount18: int) -> None:
        trades, left = self.model.match(trader, is_buy, price6, amount18)
        assert self._trades(result) == trades
        order_id = int.from_bytes(result.output, "big")
        rested = [fields for name, fields in self.bench.events(result) if name == "OrderRested"]
        assert [fields["amount"] for fields in rested] == ([left] if left else [])
        if left:
            self.model.rest(ModelOrder(order_id, trader, is_buy, price6, left))

    def _refused(self, result: ExecutionResult) -> bool:
        """The only allowed refusal is the trader's own lack of collateral."""
        assert result.ok or result.reason == "insufficient_collateral"
        return not result.ok

    def _trades(self, result: ExecutionResult) -> list[Trade]:
        return [
            (fields["buyer"], fields["seller"], fields["price"], fields["amount"])
            for name, fields in self.bench.events(result)
            if name == "TradeExecutionCompleted"
        ]

    # ---- invariants ----

    @invariant()
    def depth_is_that_of_the_model(self) -> None:
        assert self.bench.depth() == (self.model.depth(True), self.model.depth(False))

    @invariant()
    def book_is_not_crossed(self) -> None:
        best_bid, best_ask = self.bench.touch()
        assert best_bid == 0 or best_ask == 0 or best_bid < best_ask

    @invariant()
    def every_trader_has_the_models_orders_and_reserves_for_just_these(self) -> None:
        for trader in TRADERS:
            ids = self.bench.orders(trader)
            mine = {order.id: order for order in self.model.orders if order.trader == trader}
            assert sorted(ids) == sorted(mine)
            orders = [self.bench.order(order_id) for order_id in ids]
            for order in orders:
                expected = mine[order["id"]]
                assert (order["price"], order["amount"]) == (expected.price6, expected.amount18)
            assert self.bench.reserved6(trader) == sum(order["margin6"] for order in orders)

    @invariant()
    def positions_add_up_to_nothing_and_money_is_neither_made_nor_lost(self) -> None:
        assert sum(self.bench.position(trader)[0] for trader in TRADERS) == 0
        held24 = 0
        for trader in (*TRADERS, TRADER):
            held24 += self._vault("cash24", trader)
            held24 -= self._vault("getPositionCost", trader, self.bench.market_id)
        assert held24 == CREDITED6 * UNIT

    @invariant()
    def locked_margin_is_that_of_the_position(self) -> None:
        for trader in TRADERS:
            size, _, margin6 = self.bench.position(trader)
            assert self._vault("locked6", trader) == margin6
            assert size != 0 or margin6 == 0

    def _vault(self, function: str, *args: Any) -> int:
        return int(self.bench.read("CoreVault", function, *args))


class PyEvmBookMachine(BookMachine):
    engine: EngineName = "py-evm"


TestBook = BookMachine.TestCase
TestBook.settings = settings(
    max_examples=size(20, 400),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

TestBookOnPyEvm = PyEvmBookMachine.TestCase
TestBookOnPyEvm.settings = settings(TestBook.settings, max_examples=3, stateful_step_count=15)
