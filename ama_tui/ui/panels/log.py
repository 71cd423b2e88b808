"""The action log: newest on top, bounded, filtered, frozen on demand, and painted only where it is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, get_args

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ama_tui.domain.event import Action, LogEvent
from ama_tui.ui.format import clock, clock_ms, pad, plain
from ama_tui.ui.widgets.columns import filled
from ama_tui.ui.widgets.styled_text import Ink, Painted, Span

KEPT_LINES = 1000
"""Events that are kept of every kind, so that rare ones outlive a flood of others."""

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
Kind = Literal["all", "orders", "cancels", "fills", "skips", "sessions", "notes"]
"""What the log can be narrowed to."""

KINDS: tuple[Kind, ...] = get_args(Kind)

_KIND: dict[Action, Kind] = {
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
    """Which events the log shows. `wallet` is an address in lower case, '' for every wallet; `name` is its nickname."""

    kind: Kind = "all"
    wallet: str = ""
    errors_only: bool = False
    name: str = ""

    @property
    def is_open(self) -> bool:
        """Does everything pass?"""
        return self == LogFilter()

    def passes(self, event: LogEvent) -> bool:
        return (
            (self.kind == "all" or _KIND[event.action] == self.kind)
            and (not self.wallet or event.wallet == self.wallet)
            and (not self.errors_only or event.is_error)
        )


class KeptEvents:
    """The newest events: the last of all, and more of every rare kind and of the errors. Bounded."""

    def __init__(self) -> None:
        self._all: deque[LogEvent] = deque(maxlen=KEPT_LINES)
        self._kinds: dict[Kind, deque[LogEvent]] = {kind: deque(maxlen=KEPT_LINES) for kind in KINDS[1:]}
        self._errors: deque[LogEvent] = deque(maxlen=KEPT_LINES)

    def add(self, events: Iterable[LogEvent]) -> None:
        for event in events:
            self._all.append(event)
            self._kinds[_KIND[event.action]].append(event)
            if event.is_error:
                self._errors.append(event)

    def chosen(self, wanted: LogFilter) -> list[LogEvent]:
        """What passes a filter, oldest first, at most `KEPT_LINES`."""
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
    """One event as a line to copy."""
    name = f"{event.nickname} {event.wallet}".strip()
    return plain("  ".join(part for part in (clock_ms(event.ts_ms), name, event.action.value, event.text) if part))


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


class ActivityLog(Painted, ScrollView, can_focus=True):
    """Shows the newest events that pass its filter. Scrolled down, or frozen, what is on the screen stays in place."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
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
        """What is shown, oldest first."""
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
        """How many events came while the log is frozen."""
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
        self._append(events if self._filter.is_open else [one for one in events if self._filter.passes(one)])

    def show_only(self, wanted: LogFilter) -> None:
        """Show the kept events that pass a filter, from the newest."""
        if wanted == self._filter:
            return
        self._filter = wanted
        self._events.clear()
        self._events.extend(self._kept.chosen(wanted))
        self._count += len(self._events)
        self._strips.clear()
        self.virtual_size = Size(self.size.width, len(self._events))
        self.scroll_to(y=0, animate=False, immediate=True)
        self.refresh()

    def freeze(self, *, frozen: bool) -> None:
        """Keep what is on the screen, or show what came since."""
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
                said = "no action yet" if self._filter.is_open else "nothing that is kept passes the filter"
                return self.strip([(f"   {said}", "label")], width)
            return Strip.blank(width, self.ink("plain"))
        if width != self._strip_width:  # the scrollbar came or went
            self._strips.clear()
            self._strip_width = width
        number = self._count - 1 - position
        strip = self._strips.get(number)
        if strip is None:
            strip = self.strip(
                filled(tuple(event_spans(self._events[-1 - position], width)), width, right=False), width
            )
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
