"""The live screen: the run's status, its wallets, the order book, and the activity log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from textual.binding import BindingType
from textual.containers import Horizontal, HorizontalGroup, Vertical
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button, Input

from ama_tui.domain.event import EngineSnapshot, WalletRow
from ama_tui.domain.market import short_address
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import plain, whole_age
from ama_tui.ui.panels.depth import DepthProfile
from ama_tui.ui.panels.ladder import BookLadder
from ama_tui.ui.panels.log import KINDS, ActivityLog, LogFilter, event_text
from ama_tui.ui.panels.logbar import LogBar
from ama_tui.ui.panels.status import placing_line
from ama_tui.ui.panels.wallets import WalletGrid, row_filter
from ama_tui.ui.screens.run import RunScreen
from ama_tui.ui.states import is_overdue, is_stale, pause_label, why_not
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import Field, FieldLines, field
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.keybar import ActionLine
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem

ROOMY = 150
"""The least width at which the ladder has its full width."""

View = Literal["wallets", "book", "log", "statistics"]

TABS: tuple[tuple[View, str, str], ...] = (
    ("wallets", "1 Wallets", "screen.focus_wallets"),
    ("book", "2 Book", "screen.focus_book"),
    ("log", "3 Activity", "screen.focus_log"),
    ("statistics", "4 Stats", "screen.statistics"),
)
"""The views of a narrow screen, one at a time: name, label, action."""


def wallets_title(snapshot: EngineSnapshot, shown: int, now: float) -> str:
    """'Wallets 10 · 9 packed', with the filter's effect, wallets missing from a resumed run, and the data's age."""
    packed = sum(row.is_packed for row in snapshot.wallets)
    total = len(snapshot.wallets)
    title = f"Wallets {total} · {packed} packed" if shown == total else f"Wallets {shown} of {total}"
    missing = len(snapshot.missing_wallets)
    if missing:
        title += f" · {missing} from the stored run missing"
    if is_stale(snapshot, now):
        title += f" · {whole_age(now - snapshot.read_at_ms / 1000)} old"
    return title


class LiveScreen(RunScreen):
    """A run while it is active, and afterwards until the operator leaves."""

    SCOPE: ClassVar[Scope] = "live"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("run"), style("live")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("live")
    AUTO_FOCUS = "#wallets"

    _view: View = "wallets"
    _frozen_since: float | None = None

    def body(self) -> Iterable[Widget]:
        yield ActionLine(id="tabs")
        filter_row = HorizontalGroup(
            PlainText("filter", classes="label", id="filter-label"),
            Input(placeholder="name, address, note, packed, short, paused…", id="filter", compact=True),
            id="filter-row",
        )
        wallets = Vertical(
            filter_row, WalletGrid(id="wallets"), FieldLines(id="placing"), id="wallets-frame", classes="frame"
        )
        wallets.border_subtitle = "… pending · ? unknown"
        book = Vertical(BookLadder(id="ladder"), DepthProfile(id="depth"), id="book-frame", classes="frame")
        book.border_title = "Book"
        yield Horizontal(wallets, book, id="fleet")

    def log_head(self) -> Iterable[Widget]:
        yield LogBar(id="log-bar")

    def buttons(self) -> Iterable[Button]:
        yield Button("Pause  ␣", id="pause", compact=True)
        yield from super().buttons()

    def on_mount(self) -> None:
        self.query_one("#filter-row").display = False
        self._show_view("wallets")

    # showing

    @property
    def frozen_since(self) -> float | None:
        return self._frozen_since

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        super().bridge_tick(snapshot, now)
        if not self.is_seen:
            return
        self.query_one(LogBar).follow(self.query_one(ActivityLog))
        self._follow_state(snapshot)
        if self._frozen_since is None:
            self._show_panels(snapshot, now)

    def _show_panels(self, snapshot: EngineSnapshot, now: float) -> None:
        """Update the visible panels; hidden ones are updated when they come into view."""
        narrow, view = self.has_class("-narrow"), self._view
        if view == "statistics":
            self._show_statistics(snapshot, now)
            return
        if not narrow or view == "book":
            self.query_one(BookLadder).tick(snapshot, now)
            self.query_one(DepthProfile).tick(snapshot, now)
        if not narrow or view == "wallets":
            grid = self.query_one(WalletGrid)
            grid.result.mark6 = snapshot.known_mark6
            grid.tick(snapshot.wallets, now, stale=is_overdue(snapshot, now))
            self._explain_empty(grid, snapshot)
            frame = self.query_one("#wallets-frame")
            title = wallets_title(snapshot, len(grid.rows), now)
            if frame.border_title != title:
                frame.border_title = title
        if not narrow:
            placing = self.query_one("#placing", FieldLines)
            placing.show([placing_line(snapshot, now, placing.size.width)])

    def _explain_empty(self, grid: WalletGrid, snapshot: EngineSnapshot) -> None:
        text = self.query_one("#filter", Input).value
        grid.say_when_empty(
            f"No wallet matches “{plain(text)}” · esc clears the filter" if snapshot.wallets else "Reading the wallets…"
        )

    def _show_statistics(self, snapshot: EngineSnapshot, now: float) -> None:
        from ama_tui.ui.panels.statistics import Statistics

        if self.host.history is not None:
            for panel in self.query(Statistics):
                panel.tick(snapshot, self.host.history, now)

    def _show_again(self) -> None:
        """Update everything now."""
        bridge = self.host.bridge
        if bridge is not None and self.is_ready and self.is_current:
            self.bridge_tick(bridge.snapshot, self.host.clock())

    def _follow_state(self, snapshot: EngineSnapshot) -> None:
        pause = self.query_one("#pause", Button)
        label = pause_label(snapshot.state)
        if str(pause.label) != label:
            pause.label = label
        pause.set_class(why_not("pausable", snapshot) is not None, "-refused")
        self.query_one("#kill").set_class(why_not("run", snapshot) is not None, "-refused")

    # views

    def _show_view(self, view: View) -> None:
        self._view = view
        for name, _, _ in TABS:
            self.set_class(name == view, f"-view-{name}")
        tabs: dict[Field, str] = {}
        for name, label, action in TABS:
            tabs[field((f"▌{label}▐" if name == view else f" {label} ", "tab" if name == view else "label"))] = action
        self.query_one("#tabs", ActionLine).show_actions(tabs)
        self.call_after_refresh(self._show_again)

    def on_resize(self) -> None:
        self.set_class(self.app.size.width >= ROOMY, "-roomy")
        self.call_after_refresh(self._show_again)

    def action_focus_wallets(self) -> None:
        self._show_view("wallets")
        super().action_focus_wallets()

    def action_focus_book(self) -> None:
        self._show_view("book")
        self.query_one(BookLadder).focus()

    def action_focus_log(self) -> None:
        if self.has_class("-narrow"):
            self._show_view("log")
        super().action_focus_log()

    async def action_statistics(self) -> None:
        """Show the statistics instead of wallets and book; again to go back."""
        if self._view == "statistics":
            self.action_focus_wallets()
            return
        from ama_tui.ui.panels.statistics import Statistics

        if not self.query(Statistics):
            await self.mount(Statistics(id="statistics", classes="frame"), before="#log-frame")
            self.query_one(Statistics).border_title = "Statistics"
        self._show_view("statistics")
        self.query_one(Statistics).focus()

    def action_freeze(self) -> None:
        """Freeze or unfreeze the display; the engine keeps running."""
        frozen = self._frozen_since is None
        self._frozen_since = self.host.clock() if frozen else None
        self.set_class(frozen, "-frozen")
        self.query_one(ActivityLog).freeze(frozen=frozen)
        self._show_again()

    # the grid

    @property
    def _row(self) -> WalletRow | None:
        """The wallet under the cursor."""
        return self.query_one(WalletGrid).current

    def action_sort(self) -> None:
        self.query_one(WalletGrid).action_sort_next()

    def action_sort_reverse(self) -> None:
        self.query_one(WalletGrid).action_sort_reverse()

    def action_filter(self) -> None:
        """Open the wallet filter."""
        if self._view != "wallets" and (self.has_class("-narrow") or self._view == "statistics"):
            self._show_view("wallets")
        self.query_one("#filter-row").display = True
        self.query_one("#filter").focus()

    def action_dismiss_or_clear(self) -> None:
        """Dismiss the error; without an error, clear the filter."""
        problem, filter_field = self.query_one(Problem), self.query_one("#filter", Input)
        if problem.display:
            problem.clear()
        elif self.query_one("#filter-row").display:
            filter_field.value = ""
            self.query_one("#filter-row").display = False
            self.query_one(WalletGrid).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(WalletGrid).filter_rows(row_filter(event.value))
        self._show_again()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#filter-row").display = bool(event.value.strip())
        self.query_one(WalletGrid).focus()

    def on_grid_picked(self, event: Grid.Picked) -> None:
        self.action_open_wallet()

    def action_open_wallet(self) -> None:
        """Show the wallet under the cursor."""
        if self._row is not None:
            self.host.open_wallet(self.market, self._row.address)

    # the log

    def on_activity_log_scrolled(self) -> None:
        self.query_one(LogBar).follow(self.query_one(ActivityLog))

    def _filter_log(self, wanted: LogFilter) -> None:
        self.query_one(ActivityLog).show_only(wanted)
        self.query_one(LogBar).follow(self.query_one(ActivityLog))

    def action_log_kind(self) -> None:
        """Filter by the next type; after the last type show everything."""
        now = self.query_one(ActivityLog).filter
        kind = KINDS[(KINDS.index(now.kind) + 1) % len(KINDS)]
        self._filter_log(LogFilter(kind, now.wallet, now.errors_only, now.name))

    def action_log_wallet(self) -> None:
        """Show only the selected wallet's activity, or all wallets again."""
        now, row = self.query_one(ActivityLog).filter, self._row
        if now.wallet or row is None:
            self._filter_log(LogFilter(now.kind, "", now.errors_only))
        else:
            self._filter_log(LogFilter(now.kind, row.address, now.errors_only, plain(row.nickname)))

    def action_log_errors(self) -> None:
        now = self.query_one(ActivityLog).filter
        self._filter_log(LogFilter(now.kind, now.wallet, not now.errors_only, now.name))

    # copying and changing

    def action_copy(self) -> None:
        """Copy the error shown; otherwise the focused panel's item: a wallet's address or a log line."""
        problem, log = self.query_one(Problem), self.query_one(ActivityLog)
        if problem.display:
            self.host.copy(problem.text, "the error")
        elif self.focused is log and log.top_event is not None:
            self.host.copy(event_text(log.top_event), "the top log line")
        elif self.focused is self.query_one(WalletGrid) and self._row is not None:
            self.host.copy(self._row.address, f"{self._row.nickname}’s address")
        else:
            self.action_copy_market()

    def action_copy_market(self) -> None:
        self.host.copy(self.market.address, f"the order book’s address {short_address(self.market.address)}")

    def action_copy_journal(self) -> None:
        bridge = self.host.bridge
        path = "" if bridge is None else bridge.snapshot.journal_path
        if path:
            self.host.copy(path, "the journal’s path")
        else:
            self.host.toast("Nothing to copy: no journal yet")

    def action_parameters(self) -> None:
        """Change the parameters of a paused run."""
        self.host.open_parameters(self.market)
