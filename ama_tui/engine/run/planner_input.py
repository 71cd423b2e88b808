"""Turns a read of the chain into the planner's input."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ama_tui.domain.market import Book, Market, MarketTerms
from ama_tui.domain.plan import AnchorChoice, MarketSnapshot, RunLimits, TakerLimits
from ama_tui.domain.reading import FleetRead, Trade
from ama_tui.engine.reconciliation.rules import others_best
from ama_tui.engine.wallet_book import Fleet
from ama_tui.strategies.anchor import price_conflict


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for a plan besides the chain and the fleet."""

    limits: RunLimits
    anchor: AnchorChoice
    price_band_percent: float
    """How far the anchor may be from the vault's mark."""
    mark6: int | None = None
    """The API's mark price (6 decimals)."""
    live_book: Book = field(default_factory=Book)
    """The API's depth."""
    trades: tuple[Trade, ...] = ()
    """The market's trades since the last plan."""
    takers: TakerLimits = field(default_factory=TakerLimits)


def market_snapshot(
    market: Market, terms: MarketTerms, read: FleetRead, fleet: Fleet, conditions: Conditions
) -> MarketSnapshot:
    """The market and the fleet as a strategy sees them: without prices while their sources disagree.

    Without prices a strategy neither places orders nor cancels those that seem far from the anchor.
    """
    others_bid6, others_ask6 = others_best(read, fleet.resting18)
    view, anchor = read.view, conditions.anchor
    snapshot = MarketSnapshot(
        tick6=market.tick6,
        margin_req_bps=terms.margin_req_bps,
        now=read.block_time,
        best_bid6=view.best_bid6,
        best_ask6=view.best_ask6,
        others_bid6=others_bid6,
        others_ask6=others_ask6,
        mark6=conditions.mark6,
        vault_mark6=view.vault_mark6,
        last_trade6=view.last_trade6,
        wallets=tuple([book.snapshot(read.wallets[address].was_read) for address, book in fleet.books.items()]),
        block=read.block,
        limits=conditions.limits,
        anchor=anchor,
        book=view.book,
        live_book=conditions.live_book,
        trades=conditions.trades,
        takers=conditions.takers,
    )
    conflict = anchor.problem or price_conflict(snapshot, conditions.price_band_percent)
    if not conflict:
        return snapshot
    return replace(
        snapshot,
        best_bid6=None,
        best_ask6=None,
        mark6=None,
        vault_mark6=None,
        last_trade6=None,
        price_conflict=conflict,
        anchor=replace(anchor, external6=None),
    )
