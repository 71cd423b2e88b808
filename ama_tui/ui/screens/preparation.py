"""Preparation: a session for every wallet that lacks one, then the run begins by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.types import CSSPathType
from textual.widget import Widget

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, SessionState, WalletRow
from ama_tui.ui.actions import Place, bindings_for
from ama_tui.ui.format import bar
from ama_tui.ui.panels.wallets import PREPARATION_COLUMNS
from ama_tui.ui.screens.run import RunScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.lines import Line, Lines, field

if TYPE_CHECKING:
    from ama_tui.engine.desk import StartRequest

PROGRESS_CELLS = 30


def progress_line(rows: tuple[WalletRow, ...], wallets: int) -> Line:
    """'sessions 7/10 ▕███   ▏ 1 unusable'."""
    valid = sum(row.session is SessionState.VALID for row in rows)
    unusable = sum(row.session is SessionState.UNUSABLE for row in rows)
    total = len(rows) or wallets
    done = bar((valid + unusable) / total if total else 0.0, PROGRESS_CELLS)
    parts = [
        field(("sessions ", "label"), (f"{valid:>{len(str(total))}}/{total}", "strong"), (" ready", "label")),
        field(("▕", "rule"), (done, "ours"), ("▏", "rule")),
    ]
    if unusable:
        parts.append(field((f"✗ {unusable} unusable", "danger")))
    return tuple(parts)


class PreparationScreen(RunScreen):
    """Starts the run on mount. Goes on to the live screen, or back to the set-up with the reason."""

    PLACE: ClassVar[Place] = "preparation"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("run")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("preparation")
    AUTO_FOCUS = "#wallets"

    def __init__(self, request: StartRequest) -> None:
        super().__init__(request.market)
        self._request = request
        self._is_settled = False
        self._error: AmaError | None = None

    def body(self) -> Iterable[Widget]:
        yield Lines(id="progress")
        grid: Grid[WalletRow] = Grid(PREPARATION_COLUMNS, id="wallets", classes="frame")
        grid.border_title = "Preparing"
        yield grid

    def on_mount(self) -> None:
        self.run_worker(self._start(), group="start")

    async def _start(self) -> None:
        bridge = self.ama.bridge
        if bridge is None:
            return
        try:
            await bridge.ask(lambda desk: desk.start(self._request))
        except AmaError as error:
            self._error = error
        self._is_settled = True
        self._go_on()

    def on_screen_resume(self) -> None:
        self._go_on()

    def _go_on(self) -> None:
        """Leave for the next screen, unless a dialog is open: then when it closes."""
        if not self._is_settled or self.app.screen is not self:
            return
        self._is_settled = False
        if self._error is None or self.ama.kill_report is not None:
            self.ama.started()
        else:
            self.ama.start_failed(self._error)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        super().bridge_tick(snapshot, now)
        self.query_one("#progress", Lines).show([progress_line(snapshot.wallets, self._request.wallets)])
        self.query_one("#wallets", Grid).tick(snapshot.wallets, now)
