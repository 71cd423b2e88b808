"""What the fleet's trades on one market have earned, wallet by wallet, each trade counted once across restarts.

The book's events are the source. The checkpoint has every wallet's result and the last block whose trades are in it; a
run that resumes reads the trades since then. The chain's positions are the check: one that the trades do not explain is
taken over at the mark, and the result is said to be off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ama_tui.domain.market import BookView
from ama_tui.domain.order import Side
from ama_tui.domain.pnl import Pnl, total
from ama_tui.domain.reading import FleetRead, Trade


@dataclass(slots=True)
class FleetPnl:
    """Results by wallet address in lower case. Nothing is counted before `begin`."""

    wallets: dict[str, Pnl] = field(default_factory=dict)
    through: int = 0
    """The last block whose trades are in the results, 0 before `begin`."""
    problem: str = ""
    """Why the results may be off, '' if they are exact."""
    _total: Pnl | None = field(init=False, default=None)
    _doubts: dict[str, int] = field(init=False, default_factory=dict)
    """By wallet: the block at which its position was first another one than its trades explain."""

    def resume(self, stored: Mapping[str, Pnl], through: int, problem: str = "") -> None:
        """Go on from results that have all trades up to the block `through`, and may be off for this reason."""
        self.wallets, self.through, self.problem, self._total = dict(stored), through, problem, None

    def begin(self, read: FleetRead, fleet: Iterable[str]) -> None:
        """Begin with the positions in `read`, at the mark, for wallets without a result."""
        self.through = self.through or read.block
        for address in fleet:
            if address not in self.wallets:
                self.wallets[address] = self._taken_over(address, read.wallets[address].position18, read.view)

    def note(self, trades: Iterable[Trade], through: int) -> None:
        """Count trades of blocks that are not counted yet. There are no others up to the block `through`."""
        if not self.through:
            return
        for trade in trades:
            if trade.block <= self.through:
                continue
            for address, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
                known = self.wallets.get(address)
                if known is not None:
                    self._keep(address, known.after(side, trade.price6, trade.amount18))
        self.through = max(self.through, through)

    def check(self, read: FleetRead, asked: Iterable[str]) -> list[str]:
        """Compare with the positions of the wallets that `read` asked for. Returns those that differed twice.

        Their positions are taken over.
        """
        if not read.pinned or read.block != self.through:
            return []
        differ = []
        for address in asked:
            wallet, known = read.wallets[address], self.wallets.get(address)
            if known is None or not wallet.was_read or wallet.position18 == known.position18:
                self._doubts.pop(address, None)
            elif self._doubts.setdefault(address, read.block) < read.block:
                del self._doubts[address]
                self._keep(address, self._taken_over(address, wallet.position18, read.view))
                differ.append(address)
        if differ:
            self.problem = f"positions changed without a trade by block {read.block:,}"
        return differ

    def take_over(self, read: FleetRead, reason: str) -> None:
        """Take over all positions in `read`: the trades up to its block are not known, for this reason."""
        for address in self.wallets:
            wallet = read.wallets.get(address)
            if wallet is not None and wallet.was_read:
                self._keep(address, self._taken_over(address, wallet.position18, read.view))
        self.through, self.problem = read.block, reason

    @property
    def total(self) -> Pnl:
        """All wallets together."""
        if self._total is None:
            self._total = total(self.wallets.values())
        return self._total

    def _keep(self, address: str, result: Pnl) -> None:
        self.wallets[address] = result
        self._total = None

    def _taken_over(self, address: str, position18: int, view: BookView) -> Pnl:
        known, price6 = self.wallets.get(address, Pnl()), _price_of(view)
        if price6 is None and position18 != known.position18:
            self.problem = "a position had no price when it was taken over"
        return known.moved_to(position18, price6 or 0)


def _price_of(view: BookView) -> int | None:
    """What a position is worth: the vault's mark, else the middle of the book, else the last trade."""
    if view.vault_mark6 is not None:
        return view.vault_mark6
    if view.best_bid6 is not None and view.best_ask6 is not None:
        return (view.best_bid6 + view.best_ask6) // 2
    return view.last_trade6
