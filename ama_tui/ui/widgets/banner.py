"""A line across the top of a screen that must not be missed; it takes as many rows as it needs."""

from __future__ import annotations

from ama_tui.ui.widgets.plain_text import PlainText


class Banner(PlainText):
    """Danger across the top; its style is in the base style sheet."""

    ALLOW_SELECT = False
