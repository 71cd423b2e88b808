"""The fleet's best own price by scanning every order: the reference for the incrementally updated prices."""

from __future__ import annotations

from ama_tui.domain.order import Side
from ama_tui.engine.own_prices import LATE_GRACE_S
from ama_tui.engine.wallet_book import Fleet


def scanned_best(fleet: Fleet, side: Side, now: float, *, without: str = "") -> int | None:
    """The same as `Fleet.best_own`, from the orders themselves."""
    prices: list[int] = []
    for book in fleet:
        if book.address == without:
            continue
        prices += [pending.place.price6 for pending in book.pending if pending.place.side is side]
        prices += [take.reach6 for take in book.takes if take.take.side is side]
        for take in book.takes.written_off:
            if take.take.side is side and now - take.given_up_at < LATE_GRACE_S:
                prices.append(take.reach6)
        prices += [order.price6 for order in book.orders if order.side is side]
        for pending in book.pending.lapsed.values():
            if pending.place.side is side and pending.given_up_at and now - pending.given_up_at < LATE_GRACE_S:
                prices.append(pending.place.price6)
    for book in fleet.missing:
        for pending in book.pending:
            if pending.place.side is side and now - pending.sent_at < LATE_GRACE_S:
                prices.append(pending.place.price6)
    if not prices:
        return None
    return max(prices) if side.is_buy else min(prices)


def assert_prices_kept_up(fleet: Fleet, now: float) -> None:
    """Every side, with the whole fleet and without each wallet."""
    for side in Side:
        for without in ("", *fleet.books):
            assert fleet.best_own(side, now, without=without) == scanned_best(fleet, side, now, without=without)
