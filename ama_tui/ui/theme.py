"""Colours and style sheets: the dashboard's own dark theme, and what its meanings look like under any other theme."""

from __future__ import annotations

from pathlib import Path

from textual.theme import Theme

_STYLES = Path(__file__).parent / "styles"


def style(name: str) -> Path:
    """The style sheet of that name."""
    return _STYLES / f"{name}.tcss"


MEANINGS = {
    "bid": "#46c98b",
    "ask": "#ef8a62",
    "ours": "#58b0ff",
    "good": "#46c98b",
    "warn": "#e3b341",
    "danger": "#ff5468",
    "label": "#8593a3",
    "rule": "#2b3643",
    "cursor-row": "#16283b",
}
"""One colour per meaning. `label` is quiet text, `rule` lines and empty parts of bars."""

AMA_DARK = Theme(
    name="ama-dark",
    primary="#58b0ff",
    secondary="#2f6da3",
    accent="#58b0ff",
    warning="#e3b341",
    error="#ff5468",
    success="#46c98b",
    foreground="#dbe3ec",
    background="#0b1016",
    surface="#0f161e",
    panel="#151e28",
    dark=True,
    variables={
        **MEANINGS,
        "border": "#58b0ff",
        "border-blurred": "#2b3643",
        "scrollbar": "#2b3643",
        "scrollbar-background": "#0b1016",
        "scrollbar-hover": "#3c4b5c",
        "scrollbar-active": "#58b0ff",
        "input-cursor-background": "#dbe3ec",
        "input-selection-background": "#58b0ff 35%",
    },
)
