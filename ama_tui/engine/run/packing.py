"""Whether a wallet is packed, and if not, why: from the chain's orders and the planner's skips. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Skip, Targets
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.strategies.chosen import Strategy


@dataclass(frozen=True, slots=True)
class PackingStatus:
    """`reason` says why the wallet is below its target, '' if it has all its orders."""

    is_packed: bool
    reason: str = ""


_PACKED = PackingStatus(True)


def packing_status(book: WalletBook, targets: Targets, *, was_read: bool) -> PackingStatus:
    """Packed: the target on either side and nothing unknown, or a standing reason for every missing level."""
    if not was_read or book.read is None:
        return PackingStatus(False, book.read_error or "could not be read")
    if book.is_filled(targets):
        unknown = book.pending.unknown + book.takes.unknown
        return PackingStatus(False, f"{unknown} unknown") if unknown else _PACKED
    if book.idle_reason is not None:
        return PackingStatus(True, book.idle_text)
    if book.pending:
        return PackingStatus(False, f"{len(book.pending)} pending")
    short = [side for side in Side if book.resting(side) < targets.on(side)]
    explained = all(_is_explained(book, side, targets.on(side)) for side in short)
    return PackingStatus(explained, _first_text(book.skips) or "filling")


def _is_explained(book: WalletBook, side: Side, target: int) -> bool:
    """Is there a standing reason for every missing level on this side?"""
    standing = [skip for skip in book.skips if skip.reason.is_standing]
    if any(skip.side in (None, side) and skip.level is None for skip in standing):
        return True
    return sum(1 for skip in standing if skip.side is side) >= target - book.resting(side)


def _first_text(skips: tuple[Skip, ...]) -> str:
    return skips[0].text if skips else ""


def utilization(book: WalletBook) -> float:
    """The share of the wallet's basis that its resting, pending and unknown orders on all markets use."""
    if book.budget is None or book.budget.basis6 <= 0:
        return 0.0
    return book.account.held6 / book.budget.basis6


def is_packed(fleet: Iterable[WalletBook], strategy: Strategy, read: FleetRead) -> bool:
    """Does this read show every wallet packed?"""
    return all(
        packing_status(
            book, strategy.targets_of(book.wallet.role), was_read=read.wallets[book.address].was_read
        ).is_packed
        for book in fleet
    )
