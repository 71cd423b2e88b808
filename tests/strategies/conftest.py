"""What the strategies' tests share."""

from __future__ import annotations

import pytest

from ama_tui.strategies.spacing import level_spacing


@pytest.fixture(autouse=True)
def _clear_spacing_cache() -> None:
    """No test uses level spacing cached by an earlier test."""
    level_spacing.cache_clear()
