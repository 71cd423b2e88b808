"""The common base of preparation and live screen: status lines, body, activity log, buttons, key bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import HorizontalGroup, Vertical
from textual.widget import Widget
from textual.widgets import Button

from ama_tui.domain.market import Market
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.panels.overview import market_tabs
from ama_tui.ui.panels.status import Notice, StatusBar, VenueFacts
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.widgets.field_lines import Field
from ama_tui.ui.widgets.keybar import ActionLine, KeyBar
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError
    from ama_tui.domain.event import EngineSnapshot

VIEW_ACTIONS = frozenset({"screen.focus_wallets", "screen.focus_book", "screen.focus_log", "screen.statistics"})
"""Shown as tabs too on a narrow screen, so the key bar drops them first."""

BUTTON_ACTIONS = {"pause": "app.pause", "stop": "app.stop", "kill": "app.kill"}


class RunScreen(AmaScreen[None]):
    """A screen of a run on one market."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self.market = market
        self._log_cursor = 0

    def body(self) -> Iterable[Widget]:
        """The widgets between status lines and activity log."""
        raise NotImplementedError

    def log_head(self) -> Iterable[Widget]:
        """The widgets above the log's lines."""
        return ()

    def buttons(self) -> Iterable[Button]:
        """The buttons on the last line, the most harmless first."""
        yield Button("Stop  q", id="stop", compact=True)
        yield Button("KILL  F10", id="kill", compact=True, classes="danger")

    def compose(self) -> ComposeResult:
        facts = self.host.facts
        venue = VenueFacts(facts.environment_label, facts.is_demo) if facts is not None else VenueFacts("", False)
        yield StatusBar(venue, self.market, id="status")
        yield Notice(id="notice")
        if self.host.bridge is not None and self.host.bridge.has_several:
            yield ActionLine(id="market-tabs")
        yield from self.body()
        with Vertical(id="log-frame", classes="frame") as frame:
            frame.border_title = "Activity"
            yield from self.log_head()
            yield ActivityLog(id="log")
        yield Problem(id="problem")
        with HorizontalGroup(id="bottom"):
            yield from self.buttons()
            yield KeyBar(without=frozenset(BUTTON_ACTIONS.values()), last=VIEW_ACTIONS)

    def on_mount(self) -> None:
        self.query_one(Problem).border_subtitle = "y copy · esc dismiss"

    @property
    def frozen_since(self) -> float | None:
        """When the display was frozen (Unix seconds); None while it is live."""
        return None

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if self.host.bridge is None:
            return
        # The log is followed even while nobody sees it: the engine keeps a bounded part of it.
        self._log_cursor, events = self.host.bridge.log_since(self._log_cursor)
        self.query_one(ActivityLog).add(events)
        if self.is_seen:
            self.query_one(StatusBar).tick(snapshot, now)
            self.query_one(Notice).tick(snapshot, now, self.frozen_since)
            for tabs in self.query("#market-tabs").results(ActionLine):
                tabs.show_actions(self.market_tabs(self.host.bridge.snapshots, now))

    def market_tabs(self, snapshots: Sequence[EngineSnapshot], now: float) -> dict[Field, str]:
        """The tabs of a run on several markets."""
        return market_tabs(snapshots, self.market.address, now)

    def show_error(self, error: AmaError) -> None:
        """Show an error until it is dismissed."""
        self.query_one(Problem).show(error)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        action = BUTTON_ACTIONS.get(event.button.id or "")
        if action is not None:
            await self.run_action(action)

    def action_focus_wallets(self) -> None:
        self.query_one("#wallets").focus()

    def action_focus_log(self) -> None:
        self.query_one(ActivityLog).focus()
