"""What preparation and the live screen share: status on top, wallets, the action log, buttons, keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import HorizontalGroup
from textual.widget import Widget
from textual.widgets import Button

from ama_tui.domain.market import Market
from ama_tui.ui.panels.status import StatusBar, Venue
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.log import ActionLog

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot

BUTTON_ACTIONS = {"pause": "app.pause", "stop": "app.stop", "kill": "app.kill"}


class RunScreen(AmaScreen[None]):
    """A screen of a run on one market."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self.market = market
        self._log_cursor = 0

    def body(self) -> Iterable[Widget]:
        """What stands between the status lines and the action log."""
        raise NotImplementedError

    def buttons(self) -> Iterable[Button]:
        """The buttons of the last line, the harmless one first."""
        yield Button("Stop  q", id="stop", compact=True)
        yield Button("KILL  F10", id="kill", compact=True, classes="danger")

    def compose(self) -> ComposeResult:
        facts = self.ama.facts
        venue = Venue(facts.environment_label, facts.is_demo) if facts is not None else Venue("", False)
        yield StatusBar(venue, self.market, id="status")
        yield from self.body()
        log = ActionLog(id="log", classes="frame")
        log.border_title = "Actions"
        yield log
        with HorizontalGroup(id="bottom"):
            yield from self.buttons()
            yield KeyBar(without=frozenset(BUTTON_ACTIONS.values()))

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if self.ama.bridge is None:
            return
        self.query_one(StatusBar).tick(snapshot, now)
        self._log_cursor, events = self.ama.bridge.log_since(self._log_cursor)
        log = self.query_one(ActionLog)
        log.add(events)
        subtitle = "" if log.is_following else "scrolled: home follows again"
        if log.border_subtitle != subtitle:
            log.border_subtitle = subtitle

    def state_changed(self, snapshot: EngineSnapshot, now: float) -> None:
        if self.is_ready:
            self.query_one(StatusBar).tick(snapshot, now)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        action = BUTTON_ACTIONS.get(event.button.id or "")
        if action is not None:
            await self.run_action(action)

    def action_focus_wallets(self) -> None:
        self.query_one("#wallets").focus()

    def action_focus_log(self) -> None:
        self.query_one(ActionLog).focus()
