"""One life of each kind; `python -m tests.crash` lives them by the hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.store.failpoints import NAMES
from tests.crash.__main__ import plan
from tests.crash.lives import Chapter, live


@pytest.mark.parametrize("crashes", [("", ""), ("post.after:2",)])
def test_run_killed_while_the_venue_misbehaves_ends_with_every_level_once(
    crashes: tuple[str, ...], tmp_path: Path
) -> None:
    result = live(Chapter(0, seed=7, crashes=crashes), tmp_path)
    assert result.failure == ""
    assert result.crashes == len(crashes)
    assert result.placed >= 120


def test_plan_has_every_kill_and_every_failpoint_as_often_as_asked() -> None:
    crashes = [crash for chapter in plan(25, 3, seed=1) for crash in chapter.crashes]
    assert crashes.count("") == 25
    for name in NAMES:
        assert sum(crash.split(":")[0] == name for crash in crashes) == 3
