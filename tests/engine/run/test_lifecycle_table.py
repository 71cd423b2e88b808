"""The state table: which state may follow which, and a way out of each."""

from __future__ import annotations

import pytest

from ama_tui.domain.event import EngineState
from ama_tui.engine.run.lifecycle import CYCLING, TRANSITIONS, IllegalTransitionError, moved, way_out

ALL = list(EngineState)


def reachable(start: EngineState) -> set[EngineState]:
    found = {start}
    while True:
        more = {after for state in found for after in TRANSITIONS[state]} - found
        if not more:
            return found
        found |= more


def test_every_state_is_in_the_table_and_reachable() -> None:
    assert set(TRANSITIONS) == set(ALL) == reachable(EngineState.PREPARING)


@pytest.mark.parametrize("before", ALL)
@pytest.mark.parametrize("after", ALL)
def test_only_transitions_in_the_table_are_allowed(before: EngineState, after: EngineState) -> None:
    if after is before or after in TRANSITIONS[before]:
        assert moved(before, after) is after
    else:
        with pytest.raises(IllegalTransitionError, match=f"from {before.value} to {after.value}"):
            moved(before, after)


@pytest.mark.parametrize("state", sorted(CYCLING, key=str))
def test_every_cycling_state_can_be_stopped_and_killed(state: EngineState) -> None:
    assert {EngineState.STOPPING, EngineState.KILLING, EngineState.FAULTED} <= TRANSITIONS[state]


def test_nothing_follows_a_final_state_but_a_kill_after_a_fault() -> None:
    assert TRANSITIONS[EngineState.STOPPED] == frozenset()
    assert TRANSITIONS[EngineState.FAULTED] == {EngineState.KILLING}
    assert all(state.is_final == (state in (EngineState.STOPPED, EngineState.FAULTED)) for state in ALL)


@pytest.mark.parametrize("state", ALL)
def test_every_state_describes_its_way_out(state: EngineState) -> None:
    assert way_out(state)
    assert (way_out(state, can_recover=False) != way_out(state)) == (state is EngineState.NO_NEW)
