"""The activity log: newest first, bounded, filtered, frozen on demand; only visible lines are painted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, get_args

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ama_tui.domain.event import Action, LogEvent
from ama_tui.ui.format import clock, clock_ms, pad, plain
from ama_tui.ui.widgets.columns import fitted
from ama_tui.ui.widgets.styled_text import Ink, Painted, Span

KEPT_LINES = 1000
"""Events kept of each kind. Kinds are kept apart, so a flood of one does not push out the rare ones."""

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

LogKind = Literal["all", "orders", "cancels", "fills", "skips", "sessions", "notes"]
"""The types of events that the log can be filtered by."""

KINDS: tuple[LogKind, ...] = get_args(LogKind)

_KIND: dict[Action, LogKind] = {
    Action.PLACE_LIMIT: "orders",
    Action.PLACE_MARKET: "orders",
    Action.MODIFY_ORDER: "orders",
    Action.INTENT: "orders",
    Action.CANCEL_ORDER: "cancels",
    Action.FILL: "fills",
    Action.SKIP: "skips",
    Action.SESSION_INIT: "sessions",
    Action.NOTE: "notes",
    Action.ERROR: "notes",
}

_SIDE_INK: dict[str, Ink] = {"buy": "bid", "bid": "bid", "sell": "ask", "ask": "ask"}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which events the log shows."""

    kind: LogKind = "all"
    wallet: str = ""
    """An address in lower case; '' for all wallets."""
    errors_only: bool = False
    name: str = ""
    """The wallet's nickname."""

    @property
    def is_open(self) -> bool:
        """Whether every event passes."""
        return self == LogFilter()

    def passes(self, event: LogEvent) -> bool:
        return (
            (self.kind == "all" or _KIND[event.action] == self.kind)
            and (not self.wallet or event.wallet == self.wallet)
            and (not self.errors_only or event.is_error)
        )


class KeptEvents:
    """The newest events overall, of each kind, and the newest errors. Bounded."""

    def __init__(self) -> None:
        self._all: deque[LogEvent] = deque(maxlen=KEPT_LINES)
        self._kinds: dict[LogKind, deque[LogEvent]] = {kind: deque(maxlen=KEPT_LINES) for kind in KINDS[1:]}
        self._errors: deque[LogEvent] = deque(maxlen=KEPT_LINES)

    def add(self, events: Iterable[LogEvent]) -> None:
        for event in events:
            self._all.append(event)
            self._kinds[_KIND[event.action]].append(event)
            if event.is_error:
                self._errors.append(event)

    def matching(self, wanted: LogFilter) -> list[LogEvent]:
        """The events that pass a filter, oldest first, at most `KEPT_LINES`."""
        if wanted.errors_only:
            source: Iterable[LogEvent] = self._errors
        elif wanted.kind != "all":
            source = self._kinds[wanted.kind]
        elif wanted.wallet:
            unique = {id(event): event for event in chain(*self._kinds.values())}
            source = sorted(unique.values(), key=lambda event: event.ts_ms)
        else:
            source = self._all
        return [event for event in source if wanted.passes(event)][-KEPT_LINES:]


def event_text(event: LogEvent) -> str:
    """One event as a line for the clipboard."""
    name = f"{event.nickname} {event.wallet}".strip()
    return plain("  ".join(part for part in (clock_ms(event.ts_ms), name, event.action.value, event.text) if part))


def event_spans(event: LogEvent, width: int, *, has_names: bool = True) -> list[Span]:
    """One event as spans; errors have a mark as well as a colour."""
    is_wide = width >= WIDE
    ink: Ink = "danger" if event.is_error else _ACTION_INK.get(event.action, "plain")
    spans: list[Span] = [
        (" ✗ " if event.is_error else "   ", "danger"),
        (f"{clock_ms(event.ts_ms) if is_wide else clock(event.ts_ms / 1000)}  ", "label"),
    ]
    if has_names:
        spans.append((pad(plain(event.nickname) or "–", 10), "plain" if event.nickname else "label"))
    if is_wide:
        spans.append((f"  {pad(event.action.value, 12)}  ", ink))
    elif event.action is Action.FILL:
        spans.append((" FILL ", ink))
    else:
        spans.append((" ", "plain"))
    text = plain(event.text)
    side, blank, rest = text.partition(" ")
    if side in _SIDE_INK and not event.is_error:
        spans += [(pad(side, 4), _SIDE_INK[side]), (blank + rest, "plain")]
    else:
        spans.append((text, "danger" if event.is_error else "plain"))
    return spans


class ActivityLog(Painted, ScrollView, can_focus=True):
    """Shows the newest events that pass its filter. When scrolled down or frozen, the visible lines stay in place."""

    ALLOW_SELECT = False

    class Scrolled(Message):
        """Other lines are in view."""

    def __init__(self, *, has_names: bool = True, id: str | None = None, classes: str | None = None) -> None:
        """`has_names` is False where all events are of one wallet."""
        super().__init__(id=id, classes=classes)
        self._has_names = has_names
        self._kept = KeptEvents()
        self._events: deque[LogEvent] = deque(maxlen=KEPT_LINES)
        self._filter = LogFilter()
        self._waiting: deque[LogEvent] | None = None
        self._waiting_count = 0
        self._count = 0
        self._strips: dict[int, Strip] = {}
        self._strip_width = 0

    @property
    def events(self) -> Sequence[LogEvent]:
        """The events that pass the filter, oldest first."""
        return self._events

    @property
    def filter(self) -> LogFilter:
        return self._filter

    @property
    def is_following(self) -> bool:
        return self.scroll_offset.y == 0 and not self.is_frozen

    @property
    def is_frozen(self) -> bool:
        return self._waiting is not None

    @property
    def waiting(self) -> int:
        """The number of events that arrived while the log is frozen."""
        return self._waiting_count

    @property
    def top_event(self) -> LogEvent | None:
        """The event on the topmost line."""
        position = self.scroll_offset.y
        return self._events[-1 - position] if position < len(self._events) else None

    def add(self, events: Sequence[LogEvent]) -> None:
        """Add events, oldest first."""
        if not events:
            return
        if self._waiting is not None:
            self._waiting.extend(events)
            self._waiting_count += len(events)
            return
        self._kept.add(events)
        self._append(events if self._filter.is_open else [event for event in events if self._filter.passes(event)])

    def show_only(self, wanted: LogFilter) -> None:
        """Show only events that pass a filter, starting with the newest."""
        if wanted == self._filter:
            return
        self._filter = wanted
        self._events.clear()
        self._events.extend(self._kept.matching(wanted))
        self._count += len(self._events)
        self._strips.clear()
        self.virtual_size = Size(self.size.width, len(self._events))
        self.scroll_to(y=0, animate=False, immediate=True)
        self.refresh()

    def freeze(self, *, frozen: bool) -> None:
        """Hold the display, or release it and show the events that arrived since."""
        if frozen == self.is_frozen:
            return
        waiting, self._waiting = self._waiting, deque(maxlen=KEPT_LINES) if frozen else None
        self._waiting_count = 0
        if waiting:
            self.add(tuple(waiting))

    def _append(self, events: Sequence[LogEvent]) -> None:
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
        width = self.scrollable_content_region.width
        position = self.scroll_offset.y + y
        if position >= len(self._events):
            if not self._events and y == 0:
                text = "No activity yet" if self._filter.is_open else "No matching entries"
                return self.strip([(f"   {text}", "label")], width)
            return Strip.blank(width, self.ink("plain"))
        if width != self._strip_width:  # the scrollbar appeared or disappeared
            self._strips.clear()
            self._strip_width = width
        number = self._count - 1 - position
        strip = self._strips.get(number)
        if strip is None:
            spans = event_spans(self._events[-1 - position], width, has_names=self._has_names)
            strip = self.strip(fitted(tuple(spans), width, right=False), width)
            self._strips[number] = strip
        return strip

    def _forget_old_strips(self) -> None:
        if len(self._strips) > 4 * max(1, self.size.height):
            newest = self._count - self.scroll_offset.y
            oldest = newest - self.size.height
            self._strips = {number: strip for number, strip in self._strips.items() if oldest <= number < newest}

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())

    def notify_style_update(self) -> None:
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._strips.clear()
        self.virtual_size = Size(self.size.width, len(self._events))
        self.refresh()
