"""Starting a run without asking: the requests that follow from the options, the stored runs and the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tui.domain.errors import ConfigError
from ama_tui.engine.engine_api import StartRequest, StoredRun

if TYPE_CHECKING:
    from ama_tui.domain.market import Market
    from ama_tui.ui.bridge import Bridge, EngineFacts


def chosen_markets(markets: tuple[Market, ...], facts: EngineFacts) -> tuple[Market, ...]:
    """The markets named by the options; otherwise the first market of the demo, or the venue's only market.

    Raises ConfigError when the operator has to choose.
    """
    from ama_tui.ui.panels.market_list import find_markets

    if facts.preselected:
        return find_markets(markets, facts.preselected)
    if markets and (facts.is_demo or len(markets) == 1):
        return markets[:1]
    raise ConfigError("no market selected", "pick a market from the list")


def request_for(
    market: Market, stored: StoredRun | None, facts: EngineFacts, others: tuple[Market, ...] = ()
) -> StartRequest:
    """Resume the stored run unless the options ask for a fresh one. Options override stored values."""
    if stored is None or facts.resume_asked is False:
        return StartRequest(market, facts.defaults, False, facts.wallets, others)
    return StartRequest(market, stored.with_options or stored.parameters, True, facts.wallets, others)


async def first_requests(bridge: Bridge, facts: EngineFacts) -> list[StartRequest]:
    """The requests to start with, one for each market. Raises AmaError when the venue cannot be read or the operator
    has to choose.
    """
    markets = chosen_markets(await bridge.ask(lambda engine: engine.markets()), facts)
    requests = []
    for market in markets:
        stored = None if facts.resume_asked is False else await _stored_run(bridge, market)
        requests.append(request_for(market, stored, facts, tuple(one for one in markets if one != market)))
    return requests


async def _stored_run(bridge: Bridge, market: Market) -> StoredRun | None:
    return await bridge.ask(lambda engine: engine.stored_run(market))
