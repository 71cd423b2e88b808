"""Shared by the strategies' tests."""

from __future__ import annotations

import pytest

from ama_tui.strategies.spacing import wallet_spacing


@pytest.fixture(autouse=True)
def _clear_spacing_cache() -> None:
    """Each test starts without level spacing cached by an earlier one."""
    wallet_spacing.cache_clear()
