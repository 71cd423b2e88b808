"""The overview of a run on several markets: a row for each, and their activity."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import HorizontalGroup, Vertical
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, EngineState, LogEvent
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import clock, plain
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.panels.overview import OverviewGrid, market_tabs, symbol_of, title_of
from ama_tui.ui.panels.status import VenueFacts
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.states import why_not
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, Line, field
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.keybar import ActionLine, KeyBar
from ama_tui.ui.widgets.problem import Problem

BUTTON_ACTIONS = {"pause": "app.pause", "stop": "app.stop", "kill": "app.kill"}


class OverviewScreen(AmaScreen[None]):
    """All markets of a run while it is active, and afterwards until the operator leaves."""

    SCOPE: ClassVar[Scope] = "overview"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("overview")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("overview")
    AUTO_FOCUS = "#grid"

    def __init__(self) -> None:
        super().__init__()
        self._cursors: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        yield FieldLines(id="head")
        yield ActionLine(id="market-tabs")
        with Vertical(id="grid-frame", classes="frame"):
            yield OverviewGrid(id="grid")
        with Vertical(id="log-frame", classes="frame") as frame:
            frame.border_title = "Activity"
            yield ActivityLog(id="log")
        yield Problem(id="problem")
        with HorizontalGroup(id="bottom"):
            yield Button("Pause all  ␣", id="pause", compact=True)
            yield Button("Stop  q", id="stop", compact=True)
            yield Button("KILL  F10", id="kill", compact=True, classes="danger")
            yield KeyBar(without=frozenset(BUTTON_ACTIONS.values()))

    def on_mount(self) -> None:
        self.query_one(Problem).border_subtitle = "esc dismiss"

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        bridge = self.host.bridge
        if bridge is None:
            return
        snapshots = bridge.snapshots
        self._follow_logs(snapshots)
        if not self.is_seen:
            return
        self.query_one("#head", FieldLines).show([self._head(snapshots, now)])
        self.query_one("#market-tabs", ActionLine).show_actions(market_tabs(snapshots, None, now))
        self.query_one(OverviewGrid).tick(snapshots, now)
        frame, title = self.query_one("#grid-frame"), title_of(snapshots, now)
        if frame.border_title != title:
            frame.border_title = title
        pause = self.query_one("#pause", Button)
        label = pause_all_label(snapshots)
        if str(pause.label) != label:
            pause.label = label
        pause.set_class(all(why_not("pausable", one) is not None for one in snapshots), "-refused")
        self.query_one("#kill").set_class(all(why_not("run", one) is not None for one in snapshots), "-refused")

    def _head(self, snapshots: tuple[EngineSnapshot, ...], now: float) -> Line:
        facts = self.host.facts
        venue = VenueFacts(facts.environment_label, facts.is_demo) if facts is not None else VenueFacts("", False)
        label = plain(venue.label.removeprefix("DEMO ") if venue.is_demo else venue.label)
        resting, target = (sum(getattr(one, name) for one in snapshots) for name in ("resting", "target_orders"))
        pending, unknown = (sum(getattr(one, name) for one in snapshots) for name in ("pending", "unknown"))
        errors = sum(one.totals.errors for one in snapshots)
        return (
            field(venue.tag, (f" {label}", "plain"), rank=3),
            field(("resting ", "label"), (f"{resting}/{target}", "strong")),
            field(("pending ", "label"), (f"{pending}", "plain"), rank=1),
            field(("unknown ", "label"), (f"{unknown}", "warn" if unknown else "plain")),
            field(("errors ", "label"), (f"{errors:,}", "danger" if errors else "plain"), rank=2),
            field((f"block {max(one.block for one in snapshots):,}", "plain"), rank=4, right=True),
            field((clock(now), "label"), rank=5, right=True),
        )

    def _follow_logs(self, snapshots: tuple[EngineSnapshot, ...]) -> None:
        """Add what is new in every market's log, in the order of time, with the market's name."""
        bridge = self.host.bridge
        found: list[LogEvent] = []
        for snapshot in snapshots:
            if bridge is None or snapshot.market is None:
                continue
            address = snapshot.market.address
            self._cursors[address], events = bridge.log_since(self._cursors.get(address, 0), address)
            found += [replace(event, text=f"{symbol_of(snapshot)}  {event.text}") for event in events]
        if found:
            self.query_one(ActivityLog).add(sorted(found, key=lambda event: event.ts_ms))

    def show_error(self, error: AmaError) -> None:
        """Show an error until it is dismissed."""
        self.query_one(Problem).show(error)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        action = BUTTON_ACTIONS.get(event.button.id or "")
        if action is not None:
            await self.run_action(action)

    def on_grid_picked(self, event: Grid.Picked) -> None:
        self.action_open_market()

    def action_open_market(self) -> None:
        """Show the market under the cursor."""
        row = self.query_one(OverviewGrid).current
        if row is not None and row.market is not None:
            self.host.action_show_market(row.market.address)

    def action_dismiss_error(self) -> None:
        self.query_one(Problem).clear()


def pause_all_label(snapshots: tuple[EngineSnapshot, ...]) -> str:
    """The label of the pause button: it resumes once no market runs any more."""
    is_paused = any(one.state is EngineState.PAUSED for one in snapshots)
    runs = any(one.state in (EngineState.RUNNING, EngineState.NO_NEW, EngineState.READY) for one in snapshots)
    return "Resume all ␣" if is_paused and not runs else "Pause all  ␣"
