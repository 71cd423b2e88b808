"""What the strategies' tests share."""

from __future__ import annotations

import pytest

from ama_tui.strategies.ladder import ladder


@pytest.fixture(autouse=True)
def _fresh_ladders() -> None:
    """A test sees the ladders that are made for it, not those that are remembered of earlier ones."""
    ladder.cache_clear()
