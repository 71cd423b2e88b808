"""Lines of clickable actions: the key bar, tabs, filters."""

from __future__ import annotations

from typing import Any, Protocol, cast

from textual import events
from textual.screen import Screen

from ama_tui.ui.actions import BY_ID, KEY_NAMES, ActionSpec
from ama_tui.ui.widgets.field_lines import GAP, MARGIN, Field, FieldLines, kept_fields
from ama_tui.ui.widgets.styled_text import Ink, Span, spans_width

ALWAYS_SHOWN = {"run.stop", "run.stop.always", "run.kill", "app.help"}


class KnowsActions(Protocol):
    """The part of the application that a key bar needs."""

    def why_not(self, action_id: str) -> str | None:
        """Why an action is unavailable now; None when it is available."""


class ActionLine(FieldLines):
    """One line of fields; a click on a field runs its Textual action ('' for none)."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._actions: dict[Field, str] = {}

    def show_actions(self, actions: dict[Field, str]) -> None:
        """Show these fields with their actions."""
        self._actions = actions
        self.show([tuple(actions)])

    async def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        action = self._at(offset.x)
        if action:
            await self.screen.run_action(action)

    def _at(self, x: int) -> str:
        width = self.size.width
        kept = kept_fields(tuple(self._actions), width)
        left = MARGIN
        for field in (left_field for left_field in kept if not left_field.right):
            right = left + spans_width(field.spans)
            if left <= x < right:
                return self._actions[field]
            left = right + GAP
        right = width - MARGIN
        for field in (right_field for right_field in reversed(kept) if right_field.right):
            left = right - spans_width(field.spans)
            if left <= x < right:
                return self._actions[field]
            right = left - GAP
        return ""


class KeyBar(ActionLine):
    """Shows the keys that work now; keys that a focused field would consume are left out."""

    def __init__(
        self, *, without: frozenset[str] = frozenset(), last: frozenset[str] = frozenset(), id: str | None = None
    ) -> None:
        """`without`: actions the screen shows as buttons. `last`: actions to drop first when there is little room."""
        super().__init__(id=id)
        self._without, self._last = without, last

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)
        self._bindings_updated(self.screen)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _bindings_updated(self, screen: Screen[Any]) -> None:
        if self.is_attached and screen is self.screen:
            self.show_actions({field: spec.action for field, spec in self._fields().items()})

    def _fields(self) -> dict[Field, ActionSpec]:
        keys: dict[str, tuple[str, ActionSpec]] = {}
        for key, active in self.screen.active_bindings.items():
            spec = BY_ID.get(active.binding.id or "")
            if spec is None or not spec.in_bar or spec.action in keys or spec.action in self._without:
                continue
            if cast(KnowsActions, self.app).why_not(spec.id) is None:
                keys[spec.action] = (key, spec)
        order = list(BY_ID)
        fields: dict[Field, ActionSpec] = {}
        for rank, (key, spec) in enumerate(sorted(keys.values(), key=lambda pair: order.index(pair[1].id))):
            ink: Ink = "danger" if spec.id == "run.kill" else "ours"
            spans: tuple[Span, ...] = ((KEY_NAMES.get(key, key), ink), (f" {spec.label}", "label"))
            later = len(order) if spec.action in self._last else 1
            fields[Field(spans, 0 if spec.id in ALWAYS_SHOWN else rank + later)] = spec
        return fields
