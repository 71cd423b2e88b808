"""The question before one market of a run stops: its orders stay, and the other markets go on."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, Vertical
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.market import Market
from ama_tui.ui.actions import Scope
from ama_tui.ui.format import count, plain
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem


def stop_question(market: Market, snapshot: EngineSnapshot) -> str:
    """'Stop ETH-USD? Its 118 orders stay on the book. The other markets continue.'"""
    orders = count(snapshot.resting, "order")
    verb = "is cancelled" if snapshot.resting == 1 else "are cancelled"
    fate = f"Its {orders} {verb}." if snapshot.cancels_on_stop else f"{orders} will stay on the book."
    return f"Stop {plain(market.symbol)}? {fate} The other markets continue."


class StopMarketScreen(ModalScreen[None], AmaScreen[None]):
    """Asks, then stops the market. The focus starts on the harmless button."""

    SCOPE: ClassVar[Scope] = "stop"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("dialogs")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "Keep running", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]
    AUTO_FOCUS = "#keep"

    def __init__(self, market: Market) -> None:
        super().__init__()
        self._market = market

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = "Stop a market"
            yield PlainText(id="sentence")
            yield Problem(id="problem")
            with HorizontalGroup(id="choices"):
                yield Button("Keep running", id="keep", compact=True)
                yield Button(f"Stop {plain(self._market.symbol)}", id="stop-market", compact=True)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        self.query_one("#sentence", PlainText).show(stop_question(self._market, snapshot))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "stop-market":
            self._stop()
        else:
            self.dismiss()

    def action_keep(self) -> None:
        self.dismiss()

    @work(group="stop-market", exclusive=True)
    async def _stop(self) -> None:
        bridge, market = self.host.bridge, self._market
        if bridge is None:
            return
        self.query_one("#choices").display = False
        try:
            report = await bridge.ask(lambda engine: engine.stop(market=market.address))
        except AmaError as error:
            self.query_one(Problem).show(error)
            self.query_one("#choices").display = True
            return
        if report is not None:
            self.host.kills.ended(market, report)
            self.host.show_kills()
        self.dismiss()
