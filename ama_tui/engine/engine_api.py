"""What a front end may ask of the engine. Light to import: the engine itself loads on its own thread."""

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
    """What a market's checkpoint says. Times are ISO 8601 UTC; `last_action_at` is Unix ms, 0 for none.

    `parameters` are the stored values over the defaults; `stored_keys` names those that were stored.
    `with_options` are what a resumed run would use: the options over the stored values, None where no
    option says otherwise. `sessions_valid` counts the wallets whose stored session still holds, None when
    the chain could not be asked. `missing` names the wallets that the wallets file no longer has.
    """

    run_id: str
    started_at: str
    updated_at: str
    wallets: int
    parameters: Parameters
    stored_keys: frozenset[str]
    last_action_at: int = 0
    with_options: Parameters | None = None
    sessions_valid: int | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One run, as the operator set it up."""

    market: Market
    parameters: Parameters
    resume: bool
    wallets: int


@dataclass(frozen=True, slots=True)
class Survivor:
    """An order that a kill could not take off the book."""

    wallet: str
    nickname: str
    order_id: int


@dataclass(frozen=True, slots=True)
class KillReport:
    """What the chain showed at the end of a kill, at `block`.

    `unread` wallets could not be read again; `unsettled` placements may still come to rest. `revoked` are the
    nicknames of the wallets whose session was ended. `read_twice` is False when the last read was not confirmed
    by another far enough from it.
    """

    cancelled: int
    block: int
    seconds: float
    survivors: tuple[Survivor, ...] = ()
    unread: tuple[str, ...] = ()
    unsettled: int = 0
    revoked: tuple[str, ...] = ()
    read_twice: bool = True

    @property
    def is_proven(self) -> bool:
        return self.read_twice and not self.survivors and not self.unread and not self.unsettled

    @property
    def text(self) -> str:
        """The proof, or what is left, in one line."""
        if self.is_proven:
            ended = f", {len(self.revoked)} sessions revoked" if self.revoked else ""
            return (
                f"0 open at block {self.block:,}, read twice; {self.cancelled} cancelled in {self.seconds:.1f} s{ended}"
            )
        parts = []
        if self.survivors:
            named = ", ".join(f"{one.nickname} {one.order_id}" for one in self.survivors[:5])
            more = f" and {len(self.survivors) - 5} more" if len(self.survivors) > 5 else ""
            parts.append(f"{len(self.survivors)} still open at block {self.block:,}: {named}{more}")
        if self.unread:
            parts.append(f"could not be read: {', '.join(self.unread)}")
        if self.unsettled:
            parts.append(f"{self.unsettled} unacknowledged orders may still reach the book")
        return "; ".join(parts) or f"0 open at block {self.block:,}, but read only once"


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """The first plan of a run on the book of `block`. `refusal` says why there can be none, '' when there can.

    `wallets` are the run's, in the order of their rows; `orders` counts what rests of them already.
    """

    block: int
    plan: Plan
    wallets: tuple[FleetWallet, ...]
    best_bid6: int | None = None
    best_ask6: int | None = None
    orders: int = 0
    refusal: str = ""


class EngineApi(Protocol):
    """The engine's front door. Every coroutine runs on the engine's loop and raises AmaError for the operator."""

    problems: tuple[str, ...]
    """What is missing or wrong in the environment or the wallets file; empty when a run can start."""
    problem_lines: tuple[str, ...]
    """The same for a list: one line for each setting that is missing or wrong."""
    environment_label: str
    is_demo: bool
    wallets_available: int
    wallets_asked: int
    """How many wallets the options ask for."""
    defaults: Parameters
    preselected: str | None
    """The market that the options name, by symbol or address."""
    resume_asked: bool | None
    """Whether the options ask to resume (True) or to begin afresh (False); None when they do not say."""

    async def open(self) -> None: ...

    async def markets(self) -> tuple[Market, ...]: ...

    async def quote(self, market: Market) -> Quote: ...

    async def stored_run(self, market: Market) -> StoredRun | None: ...

    async def start(self, request: StartRequest) -> None:
        """Prepare and begin; returns once the run cycles. Progress arrives through the publisher."""
        ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def stop(self) -> None:
        """Wait for what is in flight, save, and leave orders resting (or cancel them, if so asked)."""
        ...

    async def kill(self, *, revoke: bool = False) -> KillReport: ...

    async def resumable(self, markets: Sequence[Market]) -> frozenset[str]:
        """The order books of these markets that a stored run exists for."""
        ...

    async def preview(self, request: StartRequest) -> PlanPreview:
        """What a run would place first; nothing is signed or sent."""
        ...

    async def change(self, parameters: Parameters) -> None:
        """Give a paused run other parameters."""
        ...

    async def pause_wallet(self, address: str) -> None:
        """Pause one wallet."""
        ...

    async def resume_wallet(self, address: str) -> None: ...

    async def renew(self, address: str) -> None:
        """Give one wallet a new session, also where somebody revoked the one it had."""
        ...

    async def cancel_order(self, address: str, order_id: int) -> None: ...

    async def close(self) -> None: ...
