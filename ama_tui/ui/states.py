"""The engine's states on screen: how each is displayed, and which actions it allows."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.ui.actions import Need
from ama_tui.ui.widgets.styled_text import Ink, Span

BANNER: dict[EngineState, tuple[str, Ink]] = {
    EngineState.READY: ("○", "label"),
    EngineState.PREPARING: ("◔", "ours"),
    EngineState.RUNNING: ("●", "good"),
    EngineState.PAUSED: ("‖", "warn"),
    EngineState.NO_NEW: ("◐", "warn"),
    EngineState.STOPPING: ("◌", "warn"),
    EngineState.KILLING: ("✗", "danger"),
    EngineState.STOPPED: ("■", "strong"),
    EngineState.FAULTED: ("✗", "danger"),
}
"""A sign and an ink for every state; the name is always shown too."""

_NAMES = {EngineState.NO_NEW: "HOLDING"}
"""Names on screen that differ from the engine's."""

KILLABLE = frozenset(
    {EngineState.READY, EngineState.RUNNING, EngineState.PAUSED, EngineState.NO_NEW, EngineState.FAULTED}
)
"""States in which a run may have orders to cancel."""

STALE_SECONDS = 10.0
"""Chain data older than this is marked as stale."""

OVERDUE_SECONDS = 3.0
"""A read that takes this long after the longest pause between two cycles is overdue."""

CYCLING = frozenset({EngineState.READY, EngineState.RUNNING, EngineState.PAUSED, EngineState.NO_NEW})
"""States in which the run cycles, and can be paused or resumed."""


def state_name(state: EngineState) -> str:
    """'RUNNING'."""
    return _NAMES.get(state, state.value)


def banner(state: EngineState) -> Span:
    """'● RUNNING' and its ink."""
    sign, ink = BANNER[state]
    return f"{sign} {state_name(state)}", ink


def banner_of(snapshot: EngineSnapshot, now: float) -> Span:
    """A run's state and its ink: one whose last read failed or is overdue, or that waits for a limit, is not green."""
    text, ink = banner(snapshot.state)
    is_doubtful = bool(snapshot.reason or snapshot.rate_limits) or is_overdue(snapshot, now)
    return text, "warn" if ink == "good" and is_doubtful else ink


def is_stale(snapshot: EngineSnapshot, now: float) -> bool:
    """Whether the latest chain data is too old to act on; never true before the run and once it was stopped."""
    return _age(snapshot, now) > STALE_SECONDS


def is_overdue(snapshot: EngineSnapshot, now: float) -> bool:
    """Whether the next read of the chain is overdue; never true before the run and once it was stopped."""
    return _age(snapshot, now) > min(STALE_SECONDS, OVERDUE_SECONDS + snapshot.parameters.max_delay_ms / 1000)


def is_packed(snapshot: EngineSnapshot, now: float) -> bool:
    """Whether the book is packed, as a read has just shown; never once the run is being killed or has ended."""
    is_over = snapshot.state.is_final or snapshot.state is EngineState.KILLING
    return snapshot.packed and not is_over and not is_overdue(snapshot, now)


def freshness(snapshot: EngineSnapshot, now: float) -> tuple[int, bool, bool]:
    """The data's age in whole seconds, whether the next read is overdue, and whether the data is stale."""
    return int(_age(snapshot, now)), is_overdue(snapshot, now), is_stale(snapshot, now)


def _age(snapshot: EngineSnapshot, now: float) -> float:
    """The age of the latest chain data in seconds; 0 where there is none, or where none is expected."""
    if not snapshot.read_at_ms or snapshot.state in (EngineState.PREPARING, EngineState.STOPPED):
        return 0.0
    return now - snapshot.read_at_ms / 1000


def has_run(snapshot: EngineSnapshot) -> bool:
    """A run was started, so it may have orders on the book."""
    return bool(snapshot.run_id)


def why_not(need: Need, snapshot: EngineSnapshot) -> str | None:
    """Why an action with this need is unavailable; None when it is available."""
    if need == "ended":
        return None if snapshot.state.is_final else f"the run is {state_name(snapshot.state)}: stop or kill it first"
    if need == "paused" and snapshot.state is EngineState.RUNNING:
        return "pause the run first (space)"
    allowed = {"run": KILLABLE, "pausable": CYCLING, "paused": frozenset({EngineState.PAUSED})}.get(need)
    if allowed is None:
        return None
    state = snapshot.state
    if state is EngineState.PREPARING:
        return "the run has not started yet; no orders have been sent"
    if not has_run(snapshot):
        return "no run is active"
    return None if state in allowed else f"the run is {state_name(state)}"


def why_not_any(need: Need, snapshots: Sequence[EngineSnapshot]) -> str | None:
    """Why an action is unavailable on every one of a run's markets; None when one of them allows it.

    Only a run that has ended on all of them has `ended`.
    """
    reasons = [why_not(need, snapshot) for snapshot in snapshots]
    if need == "ended":
        return next((reason for reason in reasons if reason is not None), None)
    return None if None in reasons else reasons[0]


def pause_label(state: EngineState) -> str:
    """The label of the pause button."""
    return "Resume ␣" if state is EngineState.PAUSED else "Pause  ␣"
