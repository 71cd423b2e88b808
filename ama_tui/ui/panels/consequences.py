"""What a set-up means in a few lines before anything is signed: orders, collateral, warnings."""

from __future__ import annotations

from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import MarketSnapshot
from ama_tui.strategies.anchor import anchor_x2, market_problem
from ama_tui.ui.format import basis_points, count
from ama_tui.ui.widgets.field_lines import Line, field
from ama_tui.ui.widgets.styled_text import Span

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
    """Why these parameters do not fit the market; None when they do or when there is no price."""
    return market_problem(parameters.min_distance_ticks, market.tick6, quote_anchor_x2(quote, market))


def _line(*spans: Span) -> Line:
    return (field(*spans),)


def consequence_lines(parameters: Parameters, wallets: int, market: Market, quote: Quote | None) -> list[Line]:
    """What a run with these parameters does."""
    anchor = quote_anchor_x2(quote, market)
    lines = [
        _line(
            (count(wallets * 2 * parameters.orders_per_side, "order"), "strong"),
            (f"  {count(wallets, 'wallet')} × {parameters.orders_per_side} bids and asks", "label"),
        ),
        _line(
            (f"up to {parameters.max_utilization:.0%}", "strong"), (" of each wallet's collateral as margin", "label"),
        ),
    ]  # fmt: skip
    points = basis_points(parameters.min_distance_ticks * market.tick6, anchor)
    if points is not None and points < CLOSE_BPS:
        lines.append(_line((f"⚠ nearest distance is {points:.1f} bp, below {CLOSE_BPS:g} bp", "warn")))
    if quote is not None and anchor is None:
        lines.append(_line(("⚠ no price yet: quoting starts once there is one", "warn")))
    return lines
