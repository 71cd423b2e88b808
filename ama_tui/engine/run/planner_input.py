"""Turns a read of the chain into the planner's input."""

from __future__ import annotations

from dataclasses import replace

from ama_tui.domain.market import Market, MarketTerms
from ama_tui.domain.plan import AnchorChoice, MarketSnapshot, RunLimits, TakerLimits
from ama_tui.domain.reading import FleetRead, Trade
from ama_tui.engine.reconciliation.rules import others_best
from ama_tui.engine.wallet_book import Fleet
from ama_tui.strategies.anchor import price_conflict

NO_TAKERS = TakerLimits()


def market_snapshot(
    market: Market,
    terms: MarketTerms,
    read: FleetRead,
    fleet: Fleet,
    mark6: int | None,
    price_band_percent: float,
    limits: RunLimits,
    anchor: AnchorChoice,
    trades: tuple[Trade, ...] = (),
    takers: TakerLimits = NO_TAKERS,
) -> MarketSnapshot:
    """The market and the fleet as a strategy sees them: without prices while their sources disagree.

    Without prices a strategy neither places orders nor cancels those that seem far from the anchor.
    """
    others_bid6, others_ask6 = others_best(read, fleet.resting18)
    view = read.view
    snapshot = MarketSnapshot(
        tick6=market.tick6,
        margin_req_bps=terms.margin_req_bps,
        now=read.block_time,
        best_bid6=view.best_bid6,
        best_ask6=view.best_ask6,
        others_bid6=others_bid6,
        others_ask6=others_ask6,
        mark6=mark6,
        vault_mark6=view.vault_mark6,
        last_trade6=view.last_trade6,
        wallets=tuple([book.snapshot(read.wallets[address].was_read) for address, book in fleet.books.items()]),
        block=read.block,
        limits=limits,
        anchor=anchor,
        book=view.book,
        trades=trades,
        takers=takers,
    )
    conflict = anchor.problem or price_conflict(snapshot, price_band_percent)
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
