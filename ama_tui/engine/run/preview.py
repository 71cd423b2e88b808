"""A preview of a run's first plan, on the current market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ama_tui.config.run import RunConfig
from ama_tui.domain.market import Market
from ama_tui.domain.reading import WalletRead
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.connections import Connections
from ama_tui.engine.engine_api import PlanPreview
from ama_tui.engine.external_price import anchor_choice, external_price
from ama_tui.engine.market_terms import market_terms
from ama_tui.engine.reconciliation.rules import adopt
from ama_tui.engine.run.planner import Planner
from ama_tui.engine.run.planner_input import Conditions, market_snapshot
from ama_tui.engine.wallet_account import Accounts, MarketShare, utilization_of
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.definition import Called


async def preview(
    connections: Connections,
    shares: Mapping[Market, Fraction],
    wallets: Sequence[FleetWallet],
    strategy: Strategy,
    config: RunConfig,
    called: Called,
) -> PlanPreview:
    """Plan as if all wallets had sessions. Orders that rest already keep their levels. Raises VenueError.

    `shares` has the markets of the run, the one to plan first, and their shares of the collateral. `called` is what the
    operator calls the strategy's parameters.
    """
    wallets = wallets[: config.wallets]
    market, *others = shares
    terms = await market_terms(connections, market)
    accounts, utilization = Accounts(), utilization_of(config.parameters)
    for other in others:
        await _add_orders(connections, other, accounts, wallets, MarketShare(shares[other], utilization))
    read = await connections.chain.read_fleet(
        order_book=market.address,
        vault=terms.vault,
        market_id=terms.market_id,
        registry=connections.registry,
        wallets=[(wallet.address, None) for wallet in wallets],
    )
    live = await connections.api.live(market)
    external = external_price(config.anchor, config.price_sources, config.price_max_age_s)
    if external is not None:
        await external.refresh()
    anchor = anchor_choice(config.anchor, external)
    share = MarketShare(shares[market], utilization)
    fleet = Fleet(WalletBook(wallet, account=accounts.of(wallet.address), share=share) for wallet in wallets)
    for book in fleet:
        if read.wallets[book.address].was_read:
            adopt(book, read.wallets[book.address], 0.0, read.block)
    conditions = Conditions(config.limits, anchor, config.price_band_percent, live.quote.mark6, live.book)
    snapshot = market_snapshot(market, terms, read, fleet, conditions)
    planner = Planner()
    plan = await planner.plan(strategy, snapshot)
    return PlanPreview(
        block=read.block,
        plan=plan,
        wallets=tuple(wallets),
        best_bid6=read.view.best_bid6,
        best_ask6=read.view.best_ask6,
        orders=sum(len(book.orders) for book in fleet),
        refusal=strategy.refusal(market.tick6, plan.anchor_x2, called) or planner.problem or snapshot.price_conflict,
    )


async def _add_orders(
    connections: Connections, market: Market, accounts: Accounts, wallets: Sequence[FleetWallet], share: MarketShare
) -> None:
    """Add what the wallets' orders on another market of the run hold of their collateral."""
    read = await connections.chain.open_orders(market.address, [wallet.address for wallet in wallets])
    for wallet in wallets:
        book = WalletBook(wallet, account=accounts.of(wallet.address), share=share)
        orders = read.orders[wallet.address]
        if orders is not None:
            book.take_read(WalletRead(True, orders=orders), read.block)
