"""The recorded run behind the snapshots: it is read back in full and shows every state it is needed for."""

from __future__ import annotations

from dataclasses import replace

from ama_tui.domain.event import EngineState, SessionState
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, CancelReason, Intent, Modify, Place, Take
from ama_tui.ui.history import values_of
from tests.ui.books import packed
from tests.ui.codec import decode, encode
from tests.ui.recording import Recording, fleet_in_one_row, recorded


def test_recording_survives_a_round_trip() -> None:
    assert decode(Recording, encode(recorded())) == recorded()


def test_field_of_several_types_is_read_back_as_the_right_one() -> None:
    place = Place("0xa", Side.BUY, 1, 10, 20, 30, 4)
    cancel = Cancel("0xa", 7, Side.SELL, 10, 20, CancelReason.FAR)
    modify = Modify("0xa", 7, Side.SELL, 1, 10, 20, 30, 4, 11, 21)
    intents = (place, cancel, modify, Take("0xa", Side.BUY, 20, 10))
    assert decode(tuple[Intent, ...], encode(intents)) == intents


def test_charts_of_a_fleet_in_one_row_are_the_same() -> None:
    state = replace(packed(), errors_last_minute=3)
    assert values_of(fleet_in_one_row(state)) == values_of(state)


def test_recording_has_every_stage_of_a_run() -> None:
    run = recorded()
    assert any(row.session is SessionState.CREATING for row in run.preparing.snapshot.wallets)
    states = [moment.snapshot.state for moment in (run.live, run.paused, run.killed)]
    assert states == [EngineState.RUNNING, EngineState.PAUSED, EngineState.STOPPED]
    assert run.live.snapshot.packed
    assert run.live.snapshot.totals.fills > 0
    assert run.report.is_proven
    assert run.report.cancelled == run.live.snapshot.target_orders
    assert run.market.address in run.quotes
