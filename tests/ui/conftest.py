"""What every dashboard test shares: presets of its own, so that nobody's own ones are read or written."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def presets_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the dashboard under test keeps presets."""
    directory = tmp_path / "presets"
    monkeypatch.setattr("ama_tui.ui.screens.setup.own_directory", lambda: directory)
    return directory
