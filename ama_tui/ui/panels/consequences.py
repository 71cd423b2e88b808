"""What a set-up means in a few lines before anything is signed: orders, collateral, warnings."""

from __future__ import annotations

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import MarketSnapshot
from ama_tui.strategies.anchor import anchor_x2
from ama_tui.strategies.registry import strategy
from ama_tui.ui.format import basis_points, count
from ama_tui.ui.widgets.field_lines import Line, field
from ama_tui.ui.widgets.styled_text import Span

TICKS = "ticks"
"""The unit of distances."""
CLOSE_BPS = 5.0
"""A nearest distance below this many basis points gets a warning."""


def quote_anchor_x2(quote: Quote | None, market: Market) -> int | None:
    """Twice the anchor price derived from the API's prices, by the packer's rule; None without a price."""
    if quote is None:
        return None
    return anchor_x2(
        MarketSnapshot(
            tick6=market.tick6, margin_req_bps=0, now=0,
            best_bid6=quote.best_bid6, best_ask6=quote.best_ask6,
            mark6=quote.mark6, last_trade6=quote.last_trade6,
        )
    )  # fmt: skip


def refusal(parameters: Parameters, market: Market, quote: Quote | None) -> str | None:
    """Why these parameters do not fit together or the market; None when they do or when there is no price."""
    try:
        chosen = strategy(parameters.strategy.name, parameters.as_keys())
    except ParameterError as error:
        return error.message
    return chosen.refusal(market.tick6, quote_anchor_x2(quote, market), parameters.form_name)


def _line(*spans: Span) -> Line:
    return (field(*spans),)


def consequence_lines(parameters: Parameters, wallets: int, market: Market, quote: Quote | None) -> list[Line]:
    """What a run with these parameters does."""
    anchor = quote_anchor_x2(quote, market)
    targets = strategy(parameters.strategy.name, parameters.as_keys()).targets
    each = f"{targets.bids} bids"
    each += " and asks" if targets.bids == targets.asks else f", {targets.asks} asks"
    lines = [
        _line(
            (count(wallets * targets.orders, "order"), "strong"),
            (f"  {count(wallets, 'wallet')} × {each}", "label"),
        ),
        _line(
            (f"up to {parameters.max_utilization:.0%}", "strong"), (" of each wallet's collateral as margin", "label"),
        ),
    ]  # fmt: skip
    nearest = next((low for low, _ in parameters.strategy.ranges if low.unit == TICKS), None)
    points = None if nearest is None else basis_points(parameters[nearest.name] * market.tick6, anchor)
    if nearest is not None and points is not None and points < CLOSE_BPS:
        lines.append(_line((f"⚠ {nearest.form_name} is {points:.1f} bp, below {CLOSE_BPS:g} bp", "warn")))
    if quote is not None and anchor is None:
        lines.append(_line(("⚠ no price yet: quoting starts once there is one", "warn")))
    return lines
