"""The README's settings table matches the declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ama_tui.domain.setting import Kind, Setting
from ama_tui.domain.settings import PACKER, settings_with

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def row(setting: Setting[Any]) -> str:
    option = " / ".join(f"`{each}`" for each in setting.option.split("/"))
    unit = f" {setting.unit}" if setting.kind in (Kind.INTEGER, Kind.NUMBER) and setting.unit else ""
    key = f"`{setting.key}`" if setting.in_config_file else "–"
    return f"| {key} | {option} | {setting.default_text} | {setting.range_text}{unit} | {setting.help} |"


def table() -> str:
    head = "| key in files | option | default | range | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(f"{row(setting)}\n" for setting in settings_with(PACKER))


def test_readme_table_matches_the_declared_settings() -> None:
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    written, end, _ = rest.partition(END)
    assert before, "the README has no text"
    assert end, f"the README has no {BEGIN.strip()} … {END.strip()}"
    assert written == table(), f"write this table between the marks of the README:\n\n{table()}"
