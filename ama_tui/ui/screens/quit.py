"""The question before quitting while orders rest: leave them, cancel them all first, or stay."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, Vertical
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button

from ama_tui.domain.event import EngineSnapshot
from ama_tui.ui.actions import Scope
from ama_tui.ui.format import count, plain
from ama_tui.ui.kills import UnprovenKill
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.plain_text import PlainText

HOW_TO_TURN_OFF = "--no-confirm-quit turns this question off"


def question(snapshot: EngineSnapshot, unproven: tuple[UnprovenKill, ...], *, venue_ends: bool) -> str:
    """'118 orders from 10 wallets rest on ETH-USD.', pending ones too, or what unproven kills may have left.

    In the demo also what becomes of them.
    """
    wallets = count(len(snapshot.wallets) + len(snapshot.missing_wallets), "wallet")
    where = f" on {plain(snapshot.market.symbol)}" if snapshot.market is not None else ""
    verb = "rests" if snapshot.resting == 1 else "rest"
    lines = [f"The kill on {one.market.symbol} is not proven: {one.left}." for one in unproven]
    if snapshot.market not in [one.market for one in unproven]:  # else these figures are from before the kill
        if snapshot.resting or not lines:
            lines.append(f"{count(snapshot.resting, 'order')} from {wallets} {verb}{where}.")
        pending = snapshot.pending + snapshot.unknown
        if pending:
            lines.append(f"{count(pending, 'pending order')} may still reach the book.")
    if venue_ends:
        lines.append("They end with the demo venue. On a real venue they would stay.")
    return "\n".join(lines)


class QuitScreen(ModalScreen[None], AmaScreen[None]):
    """Asks; the focus starts on the harmless button."""

    SCOPE: ClassVar[Scope] = "quit"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("dialogs")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stay", "Stay here", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]
    AUTO_FOCUS = "#stay"

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = "Quit?"
            yield PlainText(id="sentence")
            yield PlainText(HOW_TO_TURN_OFF, classes="label")
            with HorizontalGroup(id="choices"):
                yield Button("Stay here", id="stay", compact=True)
                yield Button("Leave them resting", id="leave", compact=True)
                yield Button("Cancel all, then quit", id="cancel", compact=True, classes="danger")

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        facts = self.host.facts
        venue_ends = facts is not None and facts.is_demo
        text = question(snapshot, self.host.kills.unproven, venue_ends=venue_ends)
        self.query_one("#sentence", PlainText).show(text)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss()
        if event.button.id == "leave":
            self.host.stop_now()
        elif event.button.id == "cancel":
            self.host.kill_and_quit()

    def action_stay(self) -> None:
        self.dismiss()
