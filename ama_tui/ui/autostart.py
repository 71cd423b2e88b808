"""Starting a run without asking: the request that follows from the options, the stored run and the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tui.domain.errors import ConfigError
from ama_tui.engine.engine_api import StartRequest, StoredRun

if TYPE_CHECKING:
    from ama_tui.domain.market import Market
    from ama_tui.ui.bridge import Bridge, EngineFacts


def chosen_market(markets: tuple[Market, ...], facts: EngineFacts) -> Market:
    """The market named by the options; otherwise the first market of the demo, or the venue's only market.

    Raises ConfigError when the operator has to choose.
    """
    from ama_tui.ui.panels.market_list import find_market

    if facts.preselected is not None:
        market = find_market(markets, facts.preselected)
        if market is None:
            raise ConfigError(f"no such market: {facts.preselected}", "pick a market from the list")
        return market
    if markets and (facts.is_demo or len(markets) == 1):
        return markets[0]
    raise ConfigError("no market selected", "pick a market from the list")


def request_for(market: Market, stored: StoredRun | None, facts: EngineFacts) -> StartRequest:
    """Resume the stored run unless the options ask for a fresh one. Options override stored values."""
    if stored is None or facts.resume_asked is False:
        return StartRequest(market, facts.defaults, False, facts.wallets)
    return StartRequest(market, stored.with_options or stored.parameters, True, facts.wallets)


async def first_request(bridge: Bridge, facts: EngineFacts) -> StartRequest:
    """The request to start with. Raises AmaError when the venue cannot be read or the operator has to choose."""
    market = chosen_market(await bridge.ask(lambda engine: engine.markets()), facts)
    stored = None if facts.resume_asked is False else await bridge.ask(lambda engine: engine.stored_run(market))
    return request_for(market, stored, facts)
