"""The live screen: the state of the money, wallet by wallet, and everything that is done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button

from ama_tui.domain.event import EngineSnapshot
from ama_tui.ui.actions import Place, bindings_for
from ama_tui.ui.panels.wallets import WalletGrid
from ama_tui.ui.screens.run import RunScreen
from ama_tui.ui.states import pause_label, why_not
from ama_tui.ui.theme import style


def wallets_title(snapshot: EngineSnapshot) -> str:
    """'Wallets 10 · 9 packed', with the checkpoint's wallets that this run lacks."""
    packed = sum(row.is_packed for row in snapshot.wallets)
    title = f"Wallets {len(snapshot.wallets)} · {packed} packed"
    missing = len(snapshot.missing_wallets)
    return f"{title} · {missing} of the stored run missing" if missing else title


class LiveScreen(RunScreen):
    """A run while it runs, and after it ended, until the operator leaves."""

    PLACE: ClassVar[Place] = "live"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("run")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("live")
    AUTO_FOCUS = "#wallets"

    def body(self) -> Iterable[Widget]:
        yield WalletGrid(id="wallets", classes="frame")

    def buttons(self) -> Iterable[Button]:
        yield Button("Pause  ␣", id="pause", compact=True)
        yield from super().buttons()

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        super().bridge_tick(snapshot, now)
        grid = self.query_one(WalletGrid)
        grid.tick(snapshot.wallets, now)
        title = wallets_title(snapshot)
        if grid.border_title != title:
            grid.border_title = title
        self._follow_state(snapshot)

    def _follow_state(self, snapshot: EngineSnapshot) -> None:
        pause = self.query_one("#pause", Button)
        label = pause_label(snapshot.state)
        if str(pause.label) != label:
            pause.label = label
        pause.set_class(why_not("pausable", snapshot) is not None, "-refused")
        self.query_one("#kill").set_class(why_not("run", snapshot) is not None, "-refused")
