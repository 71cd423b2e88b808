"""The stop dialog: what the engine is waiting for, and what stays open. Then the application exits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import HorizontalGroup, Vertical
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot
from ama_tui.ui.actions import Scope
from ama_tui.ui.format import count, plain
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.domain.market import Market
    from ama_tui.ui.bridge import Bridge


def stopping_text(snapshots: Sequence[EngineSnapshot]) -> str:
    """What is being waited for."""
    leaving = sum(snapshot.resting for snapshot in snapshots if snapshot.cancels_on_stop)
    if leaving:
        return f"Cancelling {count(leaving, 'order')}…"
    pending = sum(snapshot.pending for snapshot in snapshots)
    if pending:
        return f"Waiting up to 10 s for {count(pending, 'pending order')}…"
    return "Saving…"


def staying_text(snapshot: EngineSnapshot, *, is_demo: bool) -> str:
    """How many orders are on the book, and what becomes of them."""
    if not snapshot.resting:
        return "No orders on the book."
    if snapshot.cancels_on_stop:
        return f"{count(snapshot.resting, 'order')} on the book now."
    orders = count(snapshot.resting, "order")
    if is_demo:
        return f"{orders} will be discarded with the demo venue."
    market = f"{plain(snapshot.market.symbol)} " if snapshot.market is not None else ""
    return f"{orders} will stay on the {market}book."


class StopScreen(ModalScreen[None], AmaScreen[None]):
    """Stops the engine on mount and exits when it has stopped."""

    SCOPE: ClassVar[Scope] = "stop"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("dialogs")]

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = "Stopping"
            yield PlainText(id="sentence")
            yield PlainText(id="staying", classes="label")
            yield PlainText("^c: quit now without waiting", classes="label", id="hint")
            yield Problem(id="problem")
            with HorizontalGroup(id="choices"):
                yield Button("Quit now", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#choices").display = False
        self._stop()

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        snapshots = (snapshot,) if self.host.bridge is None else self.host.bridge.snapshots
        begun = [one for one in snapshots if one.is_live or one.state.is_final]
        is_demo = self.host.facts is not None and self.host.facts.is_demo
        self.query_one("#sentence", PlainText).show(stopping_text(snapshots))
        self.query_one("#staying", PlainText).show("\n".join(staying_text(one, is_demo=is_demo) for one in begun))

    @work(group="stop")
    async def _stop(self) -> None:
        bridge = self.host.bridge
        if bridge is not None:
            live = [one for one in bridge.snapshots if one.is_live]
            try:
                await asyncio.gather(
                    *(self._stop_market(bridge, one.market if bridge.has_several else None) for one in live)
                )
            except AmaError as error:
                self.query_one(Problem).show(error)
                self.query_one("#choices").display = True
                self.query_one("#leave").focus()
                return
            await bridge.close()
        self.host.leave()

    async def _stop_market(self, bridge: Bridge, market: Market | None) -> None:
        """Stop one market of several, or the run (None)."""
        address = None if market is None else market.address
        report = await bridge.ask(lambda engine: engine.stop(market=address))
        market = market or self.host.market
        if report is not None and market is not None:
            self.host.kills.ended(market, report)

    def on_button_pressed(self) -> None:
        self.host.leave()
