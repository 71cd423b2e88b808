"""The states of a run: which may follow which, and the way out of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ama_tui.domain.event import EngineState

_READY, _PREPARING, _RUNNING = EngineState.READY, EngineState.PREPARING, EngineState.RUNNING
_PAUSED, _NO_NEW, _STOPPING = EngineState.PAUSED, EngineState.NO_NEW, EngineState.STOPPING
_KILLING, _STOPPED, _FAULTED = EngineState.KILLING, EngineState.STOPPED, EngineState.FAULTED

CYCLING = frozenset({_READY, _RUNNING, _PAUSED, _NO_NEW})
"""The states in which cycles go on: the fleet is watched, and in RUNNING new orders are placed."""

TRANSITIONS: Mapping[EngineState, frozenset[EngineState]] = {
    _PREPARING: frozenset({_READY, _STOPPED, _FAULTED}),
    _READY: frozenset({_RUNNING, _PAUSED, _NO_NEW, _STOPPING, _KILLING, _FAULTED}),
    _RUNNING: frozenset({_PAUSED, _NO_NEW, _STOPPING, _KILLING, _FAULTED}),
    _PAUSED: frozenset({_READY, _RUNNING, _NO_NEW, _STOPPING, _KILLING, _FAULTED}),
    _NO_NEW: frozenset({_READY, _RUNNING, _PAUSED, _STOPPING, _KILLING, _FAULTED}),
    _STOPPING: frozenset({_KILLING, _STOPPED}),
    _KILLING: frozenset({_STOPPED}),
    _STOPPED: frozenset(),
    _FAULTED: frozenset({_KILLING}),
}
"""From each state to those that may follow it."""

_WAY_OUT: Mapping[EngineState, str] = {
    _PREPARING: "it begins by itself; stop gives it up",
    _READY: "it starts once the chain has resolved them",
    _RUNNING: "pause, stop or kill",
    _PAUSED: "resume, stop or kill",
    _NO_NEW: "it resumes once that is fixed",
    _STOPPING: "wait a few seconds, or kill",
    _KILLING: "wait for the proof from the chain",
    _STOPPED: "start again with --resume",
    _FAULTED: "kill to cancel its orders, or start again with --resume",
}


class IllegalTransitionError(Exception):
    """A fault of the program: a state cannot follow another."""


def moved(before: EngineState, after: EngineState) -> EngineState:
    """The state after, if it may follow (staying is always allowed). Raises IllegalTransitionError."""
    if after is not before and after not in TRANSITIONS[before]:
        raise IllegalTransitionError(f"a run cannot go from {before.value} to {after.value}")
    return after


def way_out(state: EngineState, *, can_recover: bool = True) -> str:
    """What leads out of a state. A NO_NEW that cannot recover by itself needs a new start."""
    if state is _NO_NEW and not can_recover:
        return "stop, correct it, then start again with --resume"
    return _WAY_OUT[state]
