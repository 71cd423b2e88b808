"""A preview of a run's first plan, on the current market."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.config.run import RunConfig
from ama_tui.domain.market import Market
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.connections import Connections
from ama_tui.engine.engine_api import PlanPreview
from ama_tui.engine.market_terms import market_terms
from ama_tui.engine.reconciliation.rules import adopt
from ama_tui.engine.run.planner import Planner
from ama_tui.engine.run.planner_input import market_snapshot
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.definition import Called


async def preview(
    connections: Connections,
    market: Market,
    wallets: Sequence[FleetWallet],
    strategy: Strategy,
    config: RunConfig,
    called: Called,
) -> PlanPreview:
    """Plan as if all wallets had sessions. Orders that rest already keep their levels. Raises VenueError.

    `called` is what the operator calls the strategy's parameters.
    """
    wallets = wallets[: config.wallets]
    terms = await market_terms(connections, market)
    read = await connections.chain.read_fleet(
        order_book=market.address,
        vault=terms.vault,
        market_id=terms.market_id,
        registry=connections.registry,
        wallets=[(wallet.address, None) for wallet in wallets],
    )
    mark6 = (await connections.api.live(market)).quote.mark6
    fleet = Fleet(map(WalletBook, wallets))
    for book in fleet:
        if read.wallets[book.address].was_read:
            adopt(book, read.wallets[book.address], 0.0)
    snapshot = market_snapshot(market, terms, read, fleet, mark6, config.price_band_percent, config.limits)
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
