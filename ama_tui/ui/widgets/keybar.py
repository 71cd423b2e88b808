"""The last line: the keys that work right now. A click does what the key does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.screen import Screen

from ama_tui.ui.actions import BY_ID, KEY_NAMES, ActionSpec
from ama_tui.ui.widgets.ink import Ink, Span, spans_width
from ama_tui.ui.widgets.lines import GAP, MARGIN, Field, Lines, kept_fields

if TYPE_CHECKING:
    from ama_tui.ui.app import AmaApp

ALWAYS_SHOWN = {"run.stop", "run.stop.always", "run.kill"}


class KeyBar(Lines):
    """Follows the screen's active bindings: keys that a focused field would swallow are not shown."""

    def __init__(self, *, without: frozenset[str] = frozenset(), id: str | None = None) -> None:
        """`without` names actions that stand on the screen already, as buttons."""
        super().__init__(id=id)
        self._without = without
        self._actions: dict[Field, ActionSpec] = {}

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)
        self._bindings_updated(self.screen)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _bindings_updated(self, screen: Screen[Any]) -> None:
        if self.is_attached and screen is self.screen:
            self._actions = self._fields()
            self.show([tuple(self._actions)])

    def _fields(self) -> dict[Field, ActionSpec]:
        keys: dict[str, tuple[str, ActionSpec]] = {}
        for key, active in self.screen.active_bindings.items():
            spec = BY_ID.get(active.binding.id or "")
            if spec is None or not spec.in_bar or spec.action in keys or spec.action in self._without:
                continue
            if cast("AmaApp", self.app).why_not(spec.id) is None:
                keys[spec.action] = (key, spec)
        order = list(BY_ID)
        fields: dict[Field, ActionSpec] = {}
        for rank, (key, spec) in enumerate(sorted(keys.values(), key=lambda pair: order.index(pair[1].id))):
            ink: Ink = "danger" if spec.id == "run.kill" else "ours"
            spans: tuple[Span, ...] = ((KEY_NAMES.get(key, key), ink), (f" {spec.label}", "label"))
            fields[Field(spans, 0 if spec.id in ALWAYS_SHOWN else rank + 1)] = spec
        return fields

    async def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        x = MARGIN
        for field in kept_fields(tuple(self._actions), self.size.width):
            width = spans_width(field.spans)
            if x <= offset.x < x + width:
                await self.screen.run_action(self._actions[field].action)
                return
            x += width + GAP
