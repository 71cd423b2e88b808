"""The engine's states as the dashboard sees them: how each is written, and what may be done in it."""

from __future__ import annotations

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
"""A sign and an ink for every state; its name is always written too."""

_NAMES: dict[EngineState, str] = {EngineState.NO_NEW: "HOLDING"}
"""States that are shown under another name than the engine's."""

KILLABLE = frozenset(
    {EngineState.READY, EngineState.RUNNING, EngineState.PAUSED, EngineState.NO_NEW, EngineState.FAULTED}
)
"""A run exists whose orders a kill can cancel."""

PAUSABLE = frozenset({EngineState.READY, EngineState.RUNNING, EngineState.PAUSED, EngineState.NO_NEW})


def state_name(state: EngineState) -> str:
    """What the dashboard calls a state."""
    return _NAMES.get(state, state.value)


def banner(state: EngineState) -> Span:
    """'● RUNNING' and its ink."""
    sign, ink = BANNER[state]
    return f"{sign} {state_name(state)}", ink


def has_run(snapshot: EngineSnapshot) -> bool:
    """Was a run begun, so that orders of it may rest?"""
    return bool(snapshot.run_id)


def why_not(need: Need, snapshot: EngineSnapshot) -> str | None:
    """Why an action that needs something cannot be done now, or None when it can."""
    if need == "ended":
        return None if snapshot.state.is_final else f"the run is {state_name(snapshot.state)}: stop or kill it first"
    if need == "paused" and snapshot.state is EngineState.RUNNING:
        return "pause the run first (␣)"
    allowed = {"run": KILLABLE, "pausable": PAUSABLE, "paused": frozenset({EngineState.PAUSED})}.get(need)
    if allowed is None:
        return None
    state = snapshot.state
    if state is EngineState.PREPARING:
        return "the run has not begun, no order has been sent"
    if not has_run(snapshot):
        return "no run is under way"
    return None if state in allowed else f"the run is {state_name(state)}"


def pause_label(state: EngineState) -> str:
    """What the pause button does in a state."""
    return "Resume ␣" if state is EngineState.PAUSED else "Pause  ␣"
