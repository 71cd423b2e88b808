"""What the dashboard knows of kills: the one that runs, its report, and the markets where a kill is not proven."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport


class Leaving(Enum):
    """Whether the dashboard quits after the kill that runs."""

    NO = "no"
    IF_PROVEN = "if proven"
    ALWAYS = "always"
    """A signal asked for it."""


@dataclass(frozen=True, slots=True)
class UnprovenKill:
    """A kill after which orders may still rest."""

    market: Market
    left: str
    """'any of 120 orders may still rest'."""
    text: str
    """The report in one line, or why there is none."""


class Kills:
    """The kills of this dashboard. Changes only through its methods, apart from `leaving`."""

    def __init__(self) -> None:
        self.is_running = False
        self.leaving = Leaving.NO
        self.report: KillReport | None = None
        """The latest report of the current run; None while it has none."""
        self._orders = 0
        self._unproven: dict[str, UnprovenKill] = {}

    @property
    def unproven(self) -> tuple[UnprovenKill, ...]:
        """The kills that are not proven, one per market, the latest last."""
        return tuple(self._unproven.values())

    def new_run(self) -> None:
        """Forget the report of the run before. What it left unproven stays."""
        self.report = None

    def begin(self, orders: int) -> None:
        """A kill begins, with this many orders on the book or on their way to it, as far as known."""
        self.is_running = True
        self._orders = max(orders, self._orders if self._unproven else 0)

    def ended(self, market: Market, report: KillReport) -> None:
        """A kill, or a stop that was to cancel everything, has this report."""
        self.is_running, self.report = False, report
        self._unproven.pop(market.address, None)
        if not report.is_proven:
            self._unproven[market.address] = UnprovenKill(market, may_rest(report, self._orders), report.text)

    def failed(self, market: Market, error: AmaError) -> None:
        """A kill ended without a report: nothing is known of its orders."""
        self.is_running = False
        self._unproven.pop(market.address, None)
        self._unproven[market.address] = UnprovenKill(market, any_of(self._orders), error.message)


def any_of(orders: int) -> str:
    """'any of 120 orders may still rest'."""
    return f"any of {orders:,} orders may still rest" if orders > 1 else "orders may still rest"


def may_rest(report: KillReport, orders: int) -> str:
    """What may still rest after an unproven kill; as it began there were this many orders."""
    from ama_tui.ui.format import count  # not before the first frame

    if not report.block:
        return any_of(orders)
    parts = []
    if report.survivors:
        parts.append(f"{count(len(report.survivors), 'order')} still on the book at block {report.block:,}")
    if report.unread:
        parts.append(f"{count(len(report.unread), 'wallet')} unread")
    if report.unsettled:
        parts.append(f"{count(report.unsettled, 'unacknowledged order')} may rest")
    return ", ".join(parts) or (report.objections[0] if report.objections else "confirmed by one read only")


@dataclass(frozen=True, slots=True)
class CancelCommand:
    """How `ama-tui cancel-all` is called for the venue that the dashboard shows."""

    directory: str = ""
    """Where its `.env` and wallets file are; '' for the current one."""
    options: str = ""
    """The options of the dashboard's own command line that it needs too."""

    def short(self, *markets: Market) -> str:
        """The command for the same directory, once the dashboard has ended."""
        named = " ".join(f"--market {shlex.quote(market.address)}" for market in markets)
        return " ".join(filter(None, ("ama-tui cancel-all", named, self.options)))

    def anywhere(self, *markets: Market) -> str:
        """The command for any directory, also while the dashboard still holds the market."""
        change = f"cd {shlex.quote(self.directory)} && " if self.directory else ""
        return f"{change}{self.short(*markets)} --force"


def banner_text(unproven: tuple[UnprovenKill, ...], *, can_retry: bool, is_running: bool) -> str:
    """What every screen says until the kills are proven; '' when they are. `can_retry`: F10 kills the last one."""
    if not unproven:
        return ""
    markets = "; ".join(f"{one.market.symbol}: {one.left}" for one in unproven)
    retry = "trying again now" if is_running else "F10 tries again" if can_retry else ""
    return " · ".join(filter(None, (f"✗ KILL NOT PROVEN on {markets}", retry, "F8 copies the cancel-all command")))
