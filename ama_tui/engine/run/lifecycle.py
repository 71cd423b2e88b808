"""The states of a run, their transitions, and how to leave each state. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ama_tui.domain.event import EngineState

_READY, _PREPARING, _RUNNING = EngineState.READY, EngineState.PREPARING, EngineState.RUNNING
_PAUSED, _NO_NEW, _STOPPING = EngineState.PAUSED, EngineState.NO_NEW, EngineState.STOPPING
_KILLING, _STOPPED, _FAULTED = EngineState.KILLING, EngineState.STOPPED, EngineState.FAULTED

CYCLING = frozenset({_READY, _RUNNING, _PAUSED, _NO_NEW})
"""States in which cycles run: the fleet is monitored, and in RUNNING new orders are placed."""

TRANSITIONS: Mapping[EngineState, frozenset[EngineState]] = {
    _PREPARING: frozenset({_READY, _STOPPED, _FAULTED}),
    _READY: frozenset({_RUNNING, _PAUSED, _NO_NEW, _STOPPING, _KILLING, _FAULTED}),
    _RUNNING: frozenset({_PAUSED, _NO_NEW, _STOPPING, _KILLING, _FAULTED}),
    _PAUSED: frozenset({_READY, _RUNNING, _NO_NEW, _STOPPING, _KILLING, _FAULTED}),
    _NO_NEW: frozenset({_READY, _RUNNING, _PAUSED, _STOPPING, _KILLING, _FAULTED}),
    _STOPPING: frozenset({_KILLING, _STOPPED}),
    _KILLING: frozenset({_STOPPED, _FAULTED}),
    _STOPPED: frozenset(),
    _FAULTED: frozenset({_KILLING}),
}
"""From each state to the states that may follow."""

_WAY_OUT: Mapping[EngineState, str] = {
    _PREPARING: "starts by itself; stop cancels the preparation",
    _READY: "starts once the chain has resolved them",
    _RUNNING: "pause, stop or kill",
    _PAUSED: "resume, stop or kill",
    _NO_NEW: "resumes once this is fixed",
    _STOPPING: "finishes in a few seconds, or kill",
    _KILLING: "wait for the proof from the chain",
    _STOPPED: "start again with --resume",
    _FAULTED: "kill (again) to cancel its orders, or start again with --resume",
}


class IllegalTransitionError(Exception):
    """An internal error: this state cannot follow the other."""


def moved(before: EngineState, after: EngineState) -> EngineState:
    """The state `after`, if it may follow `before` (staying is always allowed). Raises IllegalTransitionError."""
    if after is not before and after not in TRANSITIONS[before]:
        raise IllegalTransitionError(f"a run cannot go from {before.value} to {after.value}")
    return after


def way_out(state: EngineState, *, can_recover: bool = True) -> str:
    """How to leave a state. A NO_NEW that cannot recover by itself needs a restart."""
    if state is _NO_NEW and not can_recover:
        return "stop, fix the cause, then start again with --resume"
    return _WAY_OUT[state]
