"""Whether a wallet is packed, and if not, why: from the chain's orders and the planner's skips. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Skip
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.wallet import Role
from ama_tui.engine.wallet_book import WalletBook


@dataclass(frozen=True, slots=True)
class PackingStatus:
    """`reason` says why the wallet is below its target, '' if it has all its orders."""

    is_packed: bool
    reason: str = ""


def packing_status(book: WalletBook, target: int, *, was_read: bool) -> PackingStatus:
    """Packed: the target on both sides, or a standing reason for every missing level. A taker has no target."""
    if not was_read or book.read is None:
        return PackingStatus(False, book.read_error or "could not be read")
    target = 0 if book.wallet.role is Role.TAKER else target
    short = [side for side in Side if book.resting(side) < target]
    if not short:
        return PackingStatus(True)
    if book.idle_reason is not None:
        return PackingStatus(True, book.idle_text)
    if book.pending:
        return PackingStatus(False, f"{len(book.pending)} pending")
    explained = all(_is_explained(book, side, target) for side in short)
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
    """The share of the wallet's basis that its resting, pending and unknown orders use."""
    if book.budget is None or book.budget.basis6 <= 0:
        return 0.0
    return book.committed6() / book.budget.basis6


def is_packed(fleet: Iterable[WalletBook], target: int, read: FleetRead) -> bool:
    """Does this read show every wallet packed?"""
    return all(packing_status(book, target, was_read=read.wallets[book.address].was_read).is_packed for book in fleet)
