"""Several markets share a wallet's collateral: together they never pass its cap, however their reads and sends mix."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Place, RunLimits
from ama_tui.domain.reading import WalletRead
from ama_tui.engine.pending_orders import OrderMemory
from ama_tui.engine.wallet_account import MarketShare, WalletAccount, utilization_of
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.strategies.budget import budget_of
from tests.engine.samples import ALICE, PRICE6, SIZE18, book, pending, wallet_read
from tests.sizes import examples, size

COLLATERAL6 = 1_000_000
STEPS = 150


def books_sharing(*shares: Fraction, account: WalletAccount | None = None) -> list[WalletBook]:
    """A book of one wallet for each market."""
    account = account or WalletAccount()
    sample = book(ALICE)
    return [WalletBook(sample.wallet, account=account, share=MarketShare(share, Fraction(1, 5))) for share in shares]


def order_of(order_id: int, margin6: int) -> RestingOrder:
    return RestingOrder(order_id, ALICE, Side.BUY, PRICE6, SIZE18, margin6, 1_000)


def read_of(available6: int, *margins6: int) -> WalletRead:
    return wallet_read(
        *(order_of(number, margin6) for number, margin6 in enumerate(margins6, 1)), available6=available6
    )


# ---- one step at a time


def test_market_gets_its_share_of_the_cap_of_everything_that_the_wallet_has() -> None:
    eth, btc = books_sharing(Fraction(3, 4), Fraction(1, 4))
    eth.take_read(read_of(900_000, 100_000), 10)
    btc.take_read(read_of(900_000), 10)
    for one, cap6 in ((eth, 150_000), (btc, 50_000)):
        budget = budget_of(one.snapshot(True), RunLimits(0.2))
        assert (budget.basis6, budget.cap6, budget.limit6) == (COLLATERAL6, cap6, 200_000)


def test_market_waits_for_what_another_still_holds_beyond_its_share() -> None:
    eth, btc = books_sharing(Fraction(1, 2), Fraction(1, 2))
    eth.take_read(read_of(840_000, 160_000), 10)
    btc.take_read(read_of(840_000), 10)
    budget = budget_of(btc.snapshot(True), RunLimits(0.2))
    assert budget.cap6 == 40_000


def test_run_on_one_market_has_all_of_the_collateral() -> None:
    (eth,) = books_sharing(Fraction(1))
    eth.take_read(read_of(900_000, 100_000), 10)
    assert eth.snapshot(True).shared is None


def test_order_on_its_way_to_one_market_counts_on_the_other_at_once() -> None:
    eth, btc = books_sharing(Fraction(1, 2), Fraction(1, 2))
    for one in (eth, btc):
        one.take_read(read_of(COLLATERAL6), 10)
    for one in (eth, btc):
        one.plan(budget_of(one.snapshot(True), RunLimits(0.2)), ())
    assert not btc.exceeds_cap(100_000)
    eth.share.share = Fraction(1)  # its own share would allow more
    eth.pending.add(pending(place_of(150_000), intent_id="big"))
    assert btc.exceeds_cap(60_000)
    assert not btc.exceeds_cap(50_000)


def test_margin_of_another_markets_order_is_not_taken_for_a_hidden_order_of_this_one() -> None:
    eth, btc = books_sharing(Fraction(1, 2), Fraction(1, 2))
    for one in (eth, btc):
        one.take_read(read_of(COLLATERAL6), 10)
    btc.take_read(read_of(900_000, 100_000), 12)
    read = read_of(900_000)
    assert eth.account.is_settled(eth, 12)
    assert eth.account.held_unseen6(eth, read) == 0
    assert not eth.account.is_settled(eth, 11), "a read from before the other market's change says nothing"


def place_of(margin6: int) -> Place:
    return Place(ALICE, Side.BUY, 1, PRICE6, SIZE18, margin6, 0)


# ---- whatever happens


@dataclass
class Chain:
    """One wallet's account, and its orders on each market, at every block."""

    markets: int
    collateral6: int = COLLATERAL6
    orders: list[dict[int, RestingOrder]] = field(default_factory=list)
    locked6: list[int] = field(default_factory=list)
    """Margin of the position on each market."""
    history: list[tuple[int, list[int], list[dict[int, RestingOrder]]]] = field(default_factory=list)
    """Available collateral, margin of positions, and orders."""
    next_id: int = 1

    def __post_init__(self) -> None:
        self.orders = [{} for _ in range(self.markets)]
        self.locked6 = [0] * self.markets
        self.mine()

    @property
    def reserved6(self) -> int:
        return sum(one.margin6 for orders in self.orders for one in orders.values())

    def mine(self) -> None:
        available6 = self.collateral6 - self.reserved6
        self.history.append((available6, list(self.locked6), [dict(orders) for orders in self.orders]))

    def rest(self, market: int, margin6: int) -> int:
        order_id, self.next_id = self.next_id, self.next_id + 1
        self.orders[market][order_id] = order_of(order_id, margin6)
        return order_id

    def fill(self, market: int, order_id: int) -> None:
        """The margin of the order becomes that of a position."""
        margin6 = self.orders[market].pop(order_id).margin6
        self.collateral6 -= margin6
        self.locked6[market] += margin6


@dataclass
class Client:
    """The engine's books of the wallet, and what it has sent."""

    random: Random
    chain: Chain
    parameters: Parameters
    books: list[WalletBook]
    blocks: list[int]
    sent: list[tuple[int, str, int]] = field(default_factory=list)
    """Market, intent and margin of every order that is not on the chain yet."""
    rested: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def step(self) -> None:
        market = self.random.randrange(len(self.books))
        action = self.random.choice(("read", "read", "place", "place", "arrive", "arrive", "fill", "cancel", "deposit"))
        getattr(self, action)(market)
        self.chain.mine()

    def read(self, market: int) -> None:
        """A read of one market, perhaps from a node that lags a little."""
        one, now = self.books[market], len(self.chain.history) - 1
        block = self.blocks[market] = max(self.blocks[market], now - self.random.choice((0, 0, 0, 1, 2)))
        available6, locked6, every = self.chain.history[block]
        orders = every[market]
        for placement in list(one.pending):
            order_id = self.rested.get(placement.intent_id)
            if order_id is not None and (order_id in orders or order_id < max(orders, default=0)):
                one.pending.rested(placement, order_id, block)
                one.pending.memory[order_id] = OrderMemory(1, SIZE18, block, placement.intent_id)
        one.pending.keep_only(orders.keys(), 0.0)
        read = WalletRead(True, available6=available6, locked6=locked6[market], orders=tuple(orders.values()))
        one.take_read(read, block)

    def place(self, market: int) -> None:
        """An order as large as the plan allows, or larger; the check before sending refuses it then."""
        one = self.books[market]
        if one.read is None:
            return
        budget = budget_of(one.snapshot(True), RunLimits(self.parameters.max_utilization))
        if self.random.random() < 0.7:  # else the plan is from an earlier read
            one.plan(budget, ())
        margin6 = self.random.randint(1, max(1, 2 * budget.remaining6))
        if one.exceeds_cap(margin6):
            return
        self.count += 1
        intent_id = f"i{self.count}"
        one.pending.add(pending(place_of(margin6), intent_id=intent_id))
        self.sent.append((market, intent_id, margin6))

    def arrive(self, _: int) -> None:
        """An order comes to rest."""
        if self.sent:
            market, intent_id, margin6 = self.sent.pop(self.random.randrange(len(self.sent)))
            self.rested[intent_id] = self.chain.rest(market, margin6)

    def fill(self, market: int) -> None:
        known = [one for one in self.books[market].orders if one.order_id in self.chain.orders[market]]
        if known:
            self.chain.fill(market, self.random.choice(known).order_id)

    def cancel(self, market: int) -> None:
        known = [one for one in self.books[market].orders if one.order_id in self.chain.orders[market]]
        if known:
            order_id = self.random.choice(known).order_id
            self.books[market].pending.cancel_sent(order_id, 0.0)
            self.chain.orders[market].pop(order_id)

    def deposit(self, _: int) -> None:
        self.chain.collateral6 += self.random.randint(0, 10_000)

    @property
    def on_their_way6(self) -> int:
        return sum(margin6 for _, _, margin6 in self.sent)


@settings(max_examples=examples(size(150, 5_000)))
@given(st.integers(min_value=0, max_value=2**40))
def test_orders_of_all_markets_together_never_pass_the_wallets_cap(seed: int) -> None:
    random = Random(seed)
    weights = [Fraction(random.randint(1, 9)) for _ in range(random.randint(2, 4))]
    parameters = Parameters.of(max_utilization=random.choice((0.02, 0.2, 0.5, 0.9)))
    account = WalletAccount()
    books = books_sharing(*(weight / sum(weights) for weight in weights), account=account)
    for one in books:
        one.share.utilization = utilization_of(parameters)
    chain = Chain(len(books))
    client = Client(random, chain, parameters, books, [0] * len(books))
    for market in range(len(books)):
        client.read(market)
    for _ in range(STEPS):
        client.step()
        assert chain.reserved6 + client.on_their_way6 <= utilization_of(parameters) * chain.collateral6


def test_property_would_fail_if_every_market_counted_the_collateral_for_itself() -> None:
    """Two markets that each take the whole cap pass it together: the property above is not empty."""
    eth, btc = (replace_account(one) for one in books_sharing(Fraction(1), Fraction(1)))
    used6 = 0
    for one in (eth, btc):
        one.take_read(read_of(COLLATERAL6), 1)
        budget = budget_of(one.snapshot(True), RunLimits(0.2))
        used6 += budget.cap6
    assert used6 > 200_000


def replace_account(one: WalletBook) -> WalletBook:
    return WalletBook(one.wallet, share=replace(one.share))
