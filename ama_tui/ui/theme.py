"""Colours and style sheets: the dashboard's themes, and the colours of its meanings under any theme."""

from __future__ import annotations

from pathlib import Path

from textual.theme import Theme

_STYLES = Path(__file__).parent / "styles"


def style(name: str) -> Path:
    """The path of a style sheet."""
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
    "on-colour": "#0b1016",
}
"""One colour per meaning, for a dark background. `label` is secondary text, `rule` is lines and empty parts of
bars, `on-colour` is text on a coloured background."""

LIGHT_MEANINGS = {
    "bid": "#08704a",
    "ask": "#a8431a",
    "ours": "#0a5ca8",
    "good": "#08704a",
    "warn": "#8a5a00",
    "danger": "#b3142d",
    "label": "#57636f",
    "rule": "#b9c2cb",
    "cursor-row": "#cfe2f5",
    "on-colour": "#ffffff",
}

ANSI_MEANINGS = {
    "bid": "ansi_green",
    "ask": "ansi_yellow",
    "ours": "ansi_cyan",
    "good": "ansi_green",
    "warn": "ansi_yellow",
    "danger": "ansi_red",
    "label": "ansi_default",
    "rule": "ansi_bright_black",
    "cursor-row": "ansi_default",
    "on-colour": "ansi_black",
}
"""The terminal's own colours."""


def meanings(theme: Theme) -> dict[str, str]:
    """The colours of the meanings under a theme that does not define them."""
    if theme.ansi:
        return ANSI_MEANINGS
    return MEANINGS if theme.dark else LIGHT_MEANINGS


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

AMA_LIGHT = Theme(
    name="ama-light",
    primary="#0a5ca8",
    secondary="#5b93c7",
    accent="#0a5ca8",
    warning="#8a5a00",
    error="#b3142d",
    success="#08704a",
    foreground="#17202a",
    background="#fbfcfd",
    surface="#f1f4f7",
    panel="#e6ebf0",
    dark=False,
    variables={
        **LIGHT_MEANINGS,
        "border": "#0a5ca8",
        "border-blurred": "#b9c2cb",
        "scrollbar": "#b9c2cb",
        "scrollbar-background": "#f1f4f7",
        "scrollbar-hover": "#8fa0b0",
        "scrollbar-active": "#0a5ca8",
        "input-cursor-background": "#17202a",
        "input-selection-background": "#0a5ca8 25%",
    },
)

THEMES = (AMA_DARK, AMA_LIGHT)
"""The dashboard's own themes. Textual's `ansi-dark` and `ansi-light` use the terminal's colours."""
