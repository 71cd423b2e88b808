"""The action log: newest on top, bounded, and painted only where it is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ama_tui.domain.event import Action, LogEvent
from ama_tui.ui.format import clock, clock_ms, pad, plain
from ama_tui.ui.widgets.ink import Ink, Painted, Span

KEPT_LINES = 1000
WIDE = 100
"""From this width on, a line shows milliseconds and the action's name."""

_ACTION_INK: dict[Action, Ink] = {
    Action.FILL: "ours",
    Action.SKIP: "label",
    Action.NOTE: "label",
    Action.INTENT: "label",
    Action.CANCEL_ORDER: "warn",
    Action.ERROR: "danger",
}
_SIDE_INK: dict[str, Ink] = {"buy": "bid", "bid": "bid", "sell": "ask", "ask": "ask"}


def event_spans(event: LogEvent, width: int) -> list[Span]:
    """One event as spans; an error carries a mark as well as a colour."""
    is_wide = width >= WIDE
    ink: Ink = "danger" if event.is_error else _ACTION_INK.get(event.action, "plain")
    spans: list[Span] = [
        (" ✗ " if event.is_error else "   ", "danger"),
        (f"{clock_ms(event.ts_ms) if is_wide else clock(event.ts_ms / 1000)}  ", "label"),
        (pad(plain(event.nickname) or "–", 10), "plain" if event.nickname else "label"),
    ]
    if is_wide:
        spans.append((f"  {pad(event.action.value, 12)}  ", ink))
    elif event.action is Action.FILL:
        spans.append((" FILL ", ink))
    else:
        spans.append((" ", "plain"))
    text = plain(event.text)
    first, blank, rest = text.partition(" ")
    if first in _SIDE_INK and not event.is_error:
        spans += [(pad(first, 4), _SIDE_INK[first]), (blank + rest, "plain")]
    else:
        spans.append((text, "danger" if event.is_error else "plain"))
    return spans


class ActionLog(Painted, ScrollView, can_focus=True):
    """Shows the newest `KEPT_LINES` events. While it is scrolled down, what is on the screen stays in place."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._events: deque[LogEvent] = deque(maxlen=KEPT_LINES)
        self._count = 0
        self._strips: dict[int, Strip] = {}

    @property
    def events(self) -> Sequence[LogEvent]:
        """What is kept, oldest first."""
        return self._events

    @property
    def is_following(self) -> bool:
        return self.scroll_offset.y == 0

    def add(self, events: Sequence[LogEvent]) -> None:
        """Add events, oldest first."""
        if not events:
            return
        following, before = self.is_following, len(self._events)
        self._events.extend(events)
        self._count += len(events)
        if len(self._events) != before:
            self.virtual_size = Size(self.size.width, len(self._events))
        if not following:
            self.scroll_to(y=self.scroll_offset.y + len(events), animate=False, immediate=True)
        self._forget_old_strips()
        self.refresh(Region(0, 0, self.size.width, self.size.height))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        position = self.scroll_offset.y + y
        if position >= len(self._events):
            return Strip.blank(width, self.ink("plain"))
        number = self._count - 1 - position
        strip = self._strips.get(number)
        if strip is None:
            strip = self.strip(event_spans(self._events[-1 - position], width), width)
            self._strips[number] = strip
        return strip

    def _forget_old_strips(self) -> None:
        if len(self._strips) > 4 * max(1, self.size.height):
            newest = self._count - self.scroll_offset.y
            oldest = newest - self.size.height
            self._strips = {number: strip for number, strip in self._strips.items() if oldest <= number < newest}

    def notify_style_update(self) -> None:
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._strips.clear()
        self.virtual_size = Size(self.size.width, len(self._events))
        self.refresh()
