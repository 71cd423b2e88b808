"""The stages of a kill: which are done, which is in progress, and how long it has waited for what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.event import KillProgress, KillStage
from ama_tui.ui.panels.kill_stages import stage_lines
from ama_tui.ui.widgets.field_lines import fit
from tests.ui.fakes import NOW

WIDTH = 70
CANCELLING = KillProgress(7, 120, 100, 1_300, KillStage.CANCEL)


def shown(progress: KillProgress, *, now: float = NOW, revoke: bool = False) -> list[str]:
    lines = stage_lines(progress, 118, 5.0, now, revoke=revoke)
    return ["".join(text for text, _ in fit(line, WIDTH)).strip() for line in lines]


@pytest.mark.parametrize("stage", KillStage)
def test_done_stages_are_ticked_the_current_one_is_marked_and_later_ones_are_dimmed(stage: KillStage) -> None:
    signs = [line[0] for line in shown(replace(CANCELLING, stage=stage), revoke=True) if line]
    place = list(KillStage).index(stage)
    assert signs == ["✓"] * place + ["●"] + ["·"] * (len(KillStage) - place - 1)


def test_orders_are_counted_from_the_screen_until_the_kill_has_read_the_chain() -> None:
    assert "0/118 gone" in shown(KillProgress())[1]
    assert "7/120 gone · 100 sent" in shown(CANCELLING)[1]


@pytest.mark.parametrize(("seconds", "said"), [(12, "12 s"), (13.9, "13 s"), (99, "99 s"), (125, "2m 05s")])
def test_wait_is_counted_from_the_engines_timestamp(seconds: float, said: str) -> None:
    waiting = replace(CANCELLING, waiting_for="chain not answering", waiting_since_ms=int(NOW * 1000))
    assert shown(waiting, now=NOW + seconds)[-1] == f"⚠ chain not answering, {said}"
    assert shown(CANCELLING)[-1] == ""


def test_dialog_keeps_its_height_when_a_wait_begins_and_ends() -> None:
    waiting = replace(CANCELLING, waiting_for="x", waiting_since_ms=1)
    assert len(shown(waiting)) == len(shown(CANCELLING))
