"""Shared by every dashboard test: its own presets directory, so that no user's presets are read or written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.css.stylesheet import Stylesheet


@pytest.fixture(autouse=True)
def presets_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the dashboard under test keeps its presets."""
    directory = tmp_path / "presets"
    monkeypatch.setattr("ama_tui.ui.screens.setup.own_directory", lambda: directory)
    return directory


@pytest.fixture(autouse=True, scope="session")
def each_style_sheet_is_parsed_once() -> Iterator[None]:
    """Textual parses every style sheet again for each application, and each of these tests starts one."""
    parse = Stylesheet._parse_rules
    known: dict[object, object] = {}

    def parse_once(sheet: Stylesheet, *source: object, **options: object) -> object:
        key = (source, *options.items(), *sheet._variables.items())
        if key not in known:
            known[key] = parse(sheet, *source, **options)  # type: ignore[arg-type]  # passed on as they came
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield
