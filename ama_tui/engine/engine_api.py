"""What a front end can ask the engine to do. Light to import: the engine itself loads on its own thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Plan
from ama_tui.domain.wallet import FleetWallet


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A market's saved run. Times are ISO 8601 UTC."""

    run_id: str
    started_at: str
    updated_at: str
    wallets: int
    parameters: Parameters
    """The saved values over the defaults."""

    stored_keys: frozenset[str]
    """The names of the parameters that were saved."""

    last_action_at: int = 0
    """Unix milliseconds, 0 for none."""

    with_options: Parameters | None = None
    """The parameters of a resumed run, with the options applied. None if no option changes them."""

    sessions_valid: int | None = None
    """Wallets whose saved session is still valid. None if the chain could not be read."""

    missing: tuple[str, ...] = ()
    """Nicknames of wallets that are not in the wallets file any more."""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A run as set up by the operator."""

    market: Market
    parameters: Parameters
    resume: bool
    wallets: int
    others: tuple[Market, ...] = ()
    """The run's other markets, which share the wallets' collateral."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """An order that a kill could not cancel."""

    wallet: str
    nickname: str
    order_id: int


@dataclass(frozen=True, slots=True)
class KillReport:
    """What the chain showed at the end of a kill."""

    cancelled: int
    block: int
    seconds: float
    survivors: tuple[Survivor, ...] = ()
    unread: tuple[str, ...] = ()
    """Nicknames of the wallets that could not be read."""

    unsettled: int = 0
    """Placements that may still reach the book."""

    revoked: tuple[str, ...] = ()
    """Nicknames of the wallets whose session was revoked."""

    read_twice: bool = True
    """A second read, far enough from the first, confirms the last one."""

    objections: tuple[str, ...] = ()
    """What speaks against reads without orders: events, collateral, a second node."""

    witnesses: str = ""
    """What the reads were checked against."""

    @classmethod
    def of_all(cls, reports: Sequence[KillReport]) -> KillReport:
        """The reports of several markets as one: it is proven if all of them are."""
        if len(reports) == 1:
            return reports[0]
        return cls(
            cancelled=sum(report.cancelled for report in reports),
            block=min(report.block for report in reports),
            seconds=max(report.seconds for report in reports),
            survivors=tuple(order for report in reports for order in report.survivors),
            unread=tuple(dict.fromkeys(name for report in reports for name in report.unread)),
            unsettled=sum(report.unsettled for report in reports),
            revoked=tuple(dict.fromkeys(name for report in reports for name in report.revoked)),
            read_twice=all(report.read_twice for report in reports),
            objections=tuple(dict.fromkeys(text for report in reports for text in report.objections)),
            witnesses=reports[0].witnesses,
        )

    @property
    def is_proven(self) -> bool:
        is_clear = not (self.survivors or self.unread or self.unsettled or self.objections)
        return self.read_twice and is_clear

    @property
    def text(self) -> str:
        """The proof, or what is left, as one line."""
        if self.is_proven:
            revoked = f", {len(self.revoked)} sessions revoked" if self.revoked else ""
            return (
                f"0 open at block {self.block:,}, confirmed twice; "
                f"{self.cancelled} cancelled in {self.seconds:.1f} s{revoked}"
                f"{f'; checked against {self.witnesses}' if self.witnesses else ''}"
            )
        parts = list(self.objections)
        if self.survivors:
            named = ", ".join(f"{order.nickname} {order.order_id}" for order in self.survivors[:5])
            more = f" and {len(self.survivors) - 5} more" if len(self.survivors) > 5 else ""
            parts.append(f"{len(self.survivors)} still open at block {self.block:,}: {named}{more}")
        if self.unread:
            parts.append(f"could not read {', '.join(self.unread)}")
        if self.unsettled:
            parts.append(f"{self.unsettled} unacknowledged orders may still reach the book")
        return "; ".join(parts) or f"0 open at block {self.block:,}, but confirmed by one read only"


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """The first plan of a run."""

    block: int
    plan: Plan
    wallets: tuple[FleetWallet, ...]
    """In the order of the wallets file."""

    best_bid6: int | None = None
    best_ask6: int | None = None
    orders: int = 0
    """Orders of these wallets that rest already."""

    refusal: str = ""
    """Why the market cannot be quoted, '' if it can."""


class EngineApi(Protocol):
    """The engine's interface. Coroutines run on the engine's loop and raise AmaError for the operator.

    A `market` is one market of the run, by its order book's address. Without it, what ends or pauses a run concerns all
    of its markets, and everything else the only one.
    """

    problems: tuple[str, ...]
    """What is missing or wrong in the environment or the wallets file. Empty if a run can start."""
    problem_lines: tuple[str, ...]
    """The same as a list, with one line per setting."""
    environment_label: str
    is_demo: bool
    wallets_available: int
    wallets_asked: int
    """The number of wallets given by the options."""
    defaults: Parameters
    preselected: tuple[str, ...]
    """The markets given by the options, by symbol or address."""
    resume_asked: bool | None
    """Whether the options say to resume (True) or start fresh (False); None if they do not say."""
    confirms_quit: bool
    """Whether a front end asks before it quits while orders rest."""
    directory: str
    """Where the venue's `.env` and wallets file are."""

    async def open(self) -> None: ...

    async def markets(self) -> tuple[Market, ...]: ...

    async def quote(self, market: Market) -> Quote: ...

    async def stored_run(self, market: Market) -> StoredRun | None: ...

    async def start(self, *requests: StartRequest) -> None:
        """Prepare and start a run on one or more markets. Returns after its first cycle has begun. The publisher shows
        the progress.
        """
        ...

    async def pause(self, market: str | None = None) -> None: ...

    async def resume(self, market: str | None = None) -> None: ...

    async def stop(self, *, market: str | None = None) -> KillReport | None:
        """Finish pending requests, save, and leave orders resting. Or cancel them, if set up that way:
        then returns the report.
        """
        ...

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport: ...

    async def resumable(self, markets: Sequence[Market]) -> frozenset[str]:
        """The order books of these markets that have a saved run."""
        ...

    async def preview(self, request: StartRequest) -> PlanPreview:
        """What a run would place first. Signs and sends nothing."""
        ...

    async def change(self, parameters: Parameters, market: str | None = None) -> None:
        """Change the parameters of a paused run."""
        ...

    async def pause_wallet(self, address: str, market: str | None = None) -> None:
        """Pause one wallet."""
        ...

    async def resume_wallet(self, address: str, market: str | None = None) -> None: ...

    async def renew(self, address: str, market: str | None = None) -> None:
        """Give a wallet a new session, even if its session was revoked."""
        ...

    async def cancel_order(self, address: str, order_id: int, market: str | None = None) -> None: ...

    async def close(self) -> None: ...
