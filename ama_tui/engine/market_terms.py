"""A market's terms on chain, compared with what the venue's API lists."""

from __future__ import annotations

from ama_tui.domain.errors import PreflightError
from ama_tui.domain.market import Market, MarketTerms
from ama_tui.engine.connections import Connections
from ama_tui.engine.retry import retry_read
from ama_tui.strategies.anchor import market_problem


async def market_terms(connections: Connections, market: Market) -> MarketTerms:
    """The terms of a market's order book. Raises PreflightError if its tick size or its market id cannot be right."""
    problem = market_problem(1, market.tick6, None)
    if problem is not None:
        raise PreflightError(f"{market.symbol} cannot be quoted", problem)
    terms = await retry_read(lambda: connections.chain.terms(market.address))
    if market.market_id.lower() != terms.market_id.lower():
        raise PreflightError(
            f"the venue's API lists {market.symbol} with market id {market.market_id}, "
            f"its order book on chain has {terms.market_id}",
            "nothing was signed; ask the venue's operator",
        )
    return terms
