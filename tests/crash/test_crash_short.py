"""One life of each kind; `python -m tests.crash` runs them by the hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.disk.failpoints import NAMES
from tests.crash.__main__ import plan
from tests.crash.lives import Chapter, live
from tests.crash.session_life import SessionChapter, live_with_sessions
from tests.crash.sessions import FAILPOINTS
from tests.crash.sessions import plan as session_plan


@pytest.mark.parametrize("moves_and_takes", [False, True])
def test_run_killed_while_the_venue_misbehaves_ends_with_every_level_once(
    moves_and_takes: bool, tmp_path: Path
) -> None:
    crashes = ("", "post.after:2")
    result = live(Chapter(0, seed=7, crashes=crashes, moves_and_takes=moves_and_takes), tmp_path)
    assert result.failure == ""
    assert result.crashes == len(crashes) + moves_and_takes
    assert result.placed >= (84 if moves_and_takes else 120)
    assert (result.moved > 0) == moves_and_takes


def test_plan_has_the_requested_kills_and_failpoints() -> None:
    crashes = [crash for chapter in plan(25, 3, seed=1) for crash in chapter.crashes]
    assert crashes.count("") == 25
    for name in NAMES:
        assert sum(crash.split(":")[0] == name for crash in crashes) == 3


def test_run_killed_while_its_sessions_are_created_ends_with_one_live_session_each(tmp_path: Path) -> None:
    chapter = SessionChapter(0, seed=5, crashes=("", "outcome.after"), block_time=0, lost=0)
    result = live_with_sessions(chapter, tmp_path)
    assert result.failure == ""
    assert result.crashes == 2
    assert result.made >= result.wanted >= 10


def test_session_plan_has_the_requested_crashes_and_every_failpoint() -> None:
    chapters = session_plan(50, seed=1)
    crashes = [crash for chapter in chapters for crash in chapter.crashes]
    assert len(crashes) == 50
    assert crashes.count("") == 30
    assert all(crashes.count(name) == 5 for name in FAILPOINTS)
    assert {chapter.block_time for chapter in chapters} == {0.0, 1.0}
