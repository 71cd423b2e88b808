"""Preparation: creates missing sessions, then starts the run with the wallets that are ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, EngineState, SessionState, WalletRow
from ama_tui.domain.money import format_usdc
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import bar, duration, plain, short_usdc
from ama_tui.ui.panels.wallets import PREPARATION_COLUMNS
from ama_tui.ui.screens.run import RunScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.columns import Cell, Column
from ama_tui.ui.widgets.field_lines import Field, FieldLines, Line, field
from ama_tui.ui.widgets.grid import Grid

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import StartRequest

PROGRESS_CELLS = 30
STARTS_ITSELF = "starts automatically with the wallets that are ready"


def _key(row: WalletRow, width: int, now: float) -> Cell:
    """Always a match: a wallets file with a wrong key is rejected as a whole."""
    return (("✓ ok", "good"),)


def _collateral(row: WalletRow, width: int, now: float) -> Cell:
    if row.available6 is None:
        return (("–", "label"),)
    text = format_usdc(row.available6)
    return ((text if len(text) <= width else short_usdc(row.available6), "plain" if row.available6 else "warn"),)


COLUMNS: tuple[Column[WalletRow], ...] = tuple(
    replacement
    for column in PREPARATION_COLUMNS
    for replacement in (
        (Column("key", "key", 6, _key, rank=3), Column("collateral", "collateral", 12, _collateral, True, 1))
        if column.key == "available"
        else (column,)
    )
)


def progress_line(rows: tuple[WalletRow, ...], wallets: int, seconds: float = 0.0) -> Line:
    """'sessions 7/10 ready ▕███   ▏ 9s   ✗ 1 unusable   starts automatically …'."""
    valid = sum(row.session is SessionState.VALID for row in rows)
    unusable = sum(row.session is SessionState.UNUSABLE for row in rows)
    total = len(rows) or wallets
    done = bar((valid + unusable) / total if total else 0.0, PROGRESS_CELLS)
    parts = [
        field(("sessions ", "label"), (f"{valid:>{len(str(total))}}/{total}", "strong"), (" ready", "label")),
        field(("▕", "rule"), (done, "ours"), ("▏", "rule"), (f" {duration(seconds)}", "label")),
    ]
    if unusable:
        parts.append(field((f"✗ {unusable} unusable", "danger")))
    parts.append(field((STARTS_ITSELF, "label"), rank=1))
    return tuple(parts)


class PreparationScreen(RunScreen):
    """Starts the run on mount. Continues to the live screen, or returns to the set-up with the error."""

    SCOPE: ClassVar[Scope] = "preparation"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("run"), style("preparation")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("preparation")
    AUTO_FOCUS = "#wallets"

    def __init__(self, requests: Sequence[StartRequest]) -> None:
        super().__init__(requests[0].market)
        self._requests = tuple(requests)
        self._is_answered = False
        self._has_begun = False
        self._began_at = 0.0
        self._error: AmaError | None = None

    def body(self) -> Iterable[Widget]:
        yield FieldLines(id="progress")
        grid: Grid[WalletRow] = Grid(COLUMNS, id="wallets", classes="frame")
        grid.border_title = "Preparing"
        yield grid

    def buttons(self) -> Iterable[Button]:
        yield Button("Back  esc", id="give-up", compact=True)
        yield from super().buttons()

    def on_mount(self) -> None:
        self._began_at = self.host.clock()
        self.query_one("#wallets", Grid).say_when_empty("Reading market and wallets…")
        self._start()

    @work(group="start")
    async def _start(self) -> None:
        bridge = self.host.bridge
        if bridge is None:
            return
        try:
            await bridge.ask(lambda engine: engine.start(*self._requests))
        except AmaError as error:
            self._error = error
        self._is_answered = True
        self._continue()

    def on_screen_resume(self) -> None:
        self._continue()

    def _continue(self) -> None:
        """Go to the next screen; if a dialog is open, once it closes."""
        if not self._is_answered or self.app.screen is not self:
            return
        self._is_answered = False
        if self._error is None or self.host.kills.report is not None:
            self.host.started()
        else:
            self.host.start_failed(self._requests, self._error)

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        if self._is_earlier_run(snapshot):
            snapshot = EngineSnapshot(EngineState.PREPARING, market=self.market)
        super().bridge_tick(snapshot, now)
        if self.host.bridge is not None and self.host.bridge.has_several:
            snapshot = self._in_preparation(self.host.bridge.snapshots, snapshot)
        line = progress_line(snapshot.wallets, self._requests[0].wallets, now - self._began_at)
        lines = [line]
        if snapshot.recovery:
            lines.append((field(("earlier orders ", "label"), (snapshot.recovery, "strong")),))
        self.query_one("#progress", FieldLines).show(lines)
        self.query_one("#wallets", Grid).tick(snapshot.wallets, now)

    def _in_preparation(self, snapshots: Sequence[EngineSnapshot], first: EngineSnapshot) -> EngineSnapshot:
        """The market that is being prepared: they are prepared one after the other."""
        begun = [one for one in snapshots if one.market is not None and one.wallets]
        if not begun or begun[-1].market is None:
            return first
        place = f"market {len(begun)} of {len(self._requests)}"
        self.query_one("#wallets").border_title = f"Preparing {plain(begun[-1].market.symbol)}, {place}"
        return begun[-1]

    def market_tabs(self, snapshots: Sequence[EngineSnapshot], now: float) -> dict[Field, str]:
        """No tabs yet: the screen follows the market that is being prepared."""
        return {}

    def _is_earlier_run(self, snapshot: EngineSnapshot) -> bool:
        """The engine has not published this run yet: its latest snapshot is of the run before, or empty."""
        self._has_begun = self._has_begun or snapshot.is_live
        return not self._has_begun

    def action_give_up(self) -> None:
        """Cancel the preparation; the set-up shows when it has stopped."""
        if not self._is_answered:
            self._give_up()

    @work(group="give-up", exclusive=True)
    async def _give_up(self) -> None:
        if self.host.bridge is None:
            return
        try:
            await self.host.bridge.ask(lambda engine: engine.stop())
        except AmaError as error:
            self.host.report_error(error)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "give-up":
            self.action_give_up()
