"""The market list: filter, sort, pick. Prices are requested for the visible rows only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.types import CSSPathType
from textual.widgets import Button, Input
from textual.worker import Worker

from ama_tui.domain.errors import AmaError, ConfigError
from ama_tui.domain.market import Market, Quote
from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.format import age, count, plain
from ama_tui.ui.panels.market_list import COLUMNS, MarketRow, find_markets, matches
from ama_tui.ui.panels.status import VenueFacts
from ama_tui.ui.quotes import QuoteFeed, quote_text
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, field
from ama_tui.ui.widgets.grid import Grid
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.plain_text import PlainText
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.ui.bridge import EngineFacts

CHECK_SECONDS = 0.25
"""How often the visible rows are checked. A row that is visible in two checks in a row gets its prices."""


class MarketsScreen(AmaScreen[None]):
    """Loads the markets on mount and opens the preselected one."""

    SCOPE: ClassVar[Scope] = "markets"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("markets")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("markets"),
        Binding("up", "forward('move(-1)')", "Up", show=False),
        Binding("down", "forward('move(1)')", "Down", show=False),
        Binding("pageup", "forward('page(-1)')", "Page up", show=False),
        Binding("pagedown", "forward('page(1)')", "Page down", show=False),
    ]
    AUTO_FOCUS = "#filter"

    def __init__(self, facts: EngineFacts, *, opens_preselected: bool = True) -> None:
        super().__init__()
        self._facts = facts
        self._markets: tuple[Market, ...] = ()
        self._preselected = facts.preselected if opens_preselected else ()
        self._resumable: frozenset[str] = frozenset()
        self._feed = QuoteFeed()
        self._ranked: dict[str, Quote | None] = {}
        self._requests: dict[str, Worker[None]] = {}
        self._marked: set[str] = set()
        """The order books of the markets that are marked for one run."""
        self._visible: frozenset[str] = frozenset()
        self._is_covered = False

    def compose(self) -> ComposeResult:
        yield FieldLines(id="head")
        with Vertical(classes="frame", id="markets") as frame:
            frame.border_title = "Markets"
            with Horizontal(id="filter-row"):
                yield PlainText("filter", classes="label", id="filter-label")
                yield Input(placeholder="name or address (␣ marks)", id="filter", compact=True)
                yield PlainText(id="matches", classes="label")
            yield PlainText("Loading markets…", id="message")
            yield Problem(id="problem")
            yield Button("Try again  F5", id="retry", compact=True)
            yield Grid(COLUMNS, key=lambda row: row.market.address, id="grid")
        yield PlainText(id="detail")
        yield PlainText(id="quote", classes="label")
        yield KeyBar()

    def on_mount(self) -> None:
        venue = VenueFacts(self._facts.environment_label, self._facts.is_demo)
        label = plain(venue.label.removeprefix("DEMO ") if venue.is_demo else venue.label)
        wallets = count(self._facts.wallets_available, "wallet")
        self.query_one("#head", FieldLines).show(
            [
                (
                    field(("ama-tui", "label"), rank=1),
                    field(venue.tag, (f" {label}", "plain")),
                    field((wallets, "label"), rank=2, right=True),
                )
            ]
        )
        self._grid.say_when_empty("No matching market · esc clears the filter")
        self._show_state("loading")
        self.action_refresh_markets()
        self.set_interval(CHECK_SECONDS, self._check_visible)

    # loading

    def action_refresh_markets(self) -> None:
        self._load()

    @work(group="markets", exclusive=True)
    async def _load(self) -> None:
        bridge = self.host.bridge
        if bridge is None:
            return
        if self._markets:
            self.query_one("#matches", PlainText).show("refreshing…")
        else:
            self._show_state("loading")
        try:
            self._markets = await bridge.ask(lambda engine: engine.markets())
        except AmaError as error:
            self.query_one(Problem).show(error)
            self._show_state("error")
            self._apply_filter()
            return
        self.query_one(Problem).clear()
        self._show_state("list" if self._markets else "empty")
        self._feed.expire_all()
        self._apply_filter()
        self._open_preselected()
        self._find_resumable()

    @work(group="resumable", exclusive=True)
    async def _find_resumable(self) -> None:
        """Mark the markets that have a stored run."""
        if self.host.bridge is None or not self._markets:
            return
        try:
            self._resumable = await self.host.bridge.ask(lambda engine: engine.resumable(self._markets))
        except AmaError as error:
            self.host.toast(f"Could not check for stored runs: {error.message}", is_error=True)
        self._show_rows()

    def _show_state(self, state: str) -> None:
        message = self.query_one("#message", PlainText)
        message.show({"loading": "Loading markets…", "empty": "This venue has no active market."}.get(state, ""))
        message.display = state in {"loading", "empty"}
        has_list = state == "list" or (state == "error" and bool(self._markets))
        self.query_one("#retry").display = state in {"empty", "error"}
        self.query_one("#filter-row").display = has_list
        self._grid.display = has_list
        if state in {"empty", "error"} and not has_list:
            self.query_one("#retry").focus()
        elif has_list and (self.focused is None or self.focused.id == "retry"):
            self.query_one("#filter").focus()

    def _open_preselected(self) -> None:
        selectors, self._preselected = self._preselected, ()
        if not selectors or not self._markets:
            return
        try:
            markets = find_markets(self._markets, selectors)
        except ConfigError as error:
            self.host.toast(str(error), is_error=True)
        else:
            self._marked = {market.address for market in markets} if len(markets) > 1 else set()
            self._open(*markets)

    # rows

    @property
    def _grid(self) -> Grid[MarketRow]:
        return self.query_one("#grid", Grid)

    @property
    def _filter_words(self) -> list[str]:
        return self.query_one("#filter", Input).value.lower().split()

    def _show_rows(self) -> None:
        """Update the rows; only changed ones are repainted."""
        words = self._filter_words
        rows = tuple(
            MarketRow(
                market,
                self._feed.result(market),
                market.address in self._resumable,
                self._ranked.get(market.address),
                market.address in self._marked,
            )
            for market in self._markets
            if matches(market, words)
        )
        self._grid.tick(rows, self.host.clock())
        self._show_position()
        self._show_detail()

    def _apply_filter(self) -> None:
        if not self._markets:
            return
        before = self._grid.current
        self._show_rows()
        now = self._grid.current
        if before is None or now is None or before.market.address != now.market.address:
            self._grid.move_to(0)
        else:
            self._grid.move_to(self._grid.cursor)
        self.query_one("#matches", PlainText).show(f"{len(self._grid.rows)} of {len(self._markets)}")

    def _show_position(self) -> None:
        """Show which rows are visible: '1–30 of 400'."""
        grid = self._grid
        first, last = grid.scroll_offset.y + 1, min(len(grid.rows), grid.scroll_offset.y + grid.size.height - 1)
        subtitle = f"{first}–{last} of {len(grid.rows)}" if 0 < last < len(grid.rows) or first > 1 else ""
        frame = self.query_one("#markets")
        if frame.border_subtitle != subtitle:
            frame.border_subtitle = subtitle

    def _show_detail(self) -> None:
        row = self._grid.current
        detail, quote = self.query_one("#detail", PlainText), self.query_one("#quote", PlainText)
        if row is None:
            detail.show("")
            quote.show("")
            return
        default_tick = "   * default tick 0.01: the venue states none" if row.market.tick_is_default else ""
        detail.show(row.market.label + default_tick)
        answer = row.answer
        if answer is None:
            quote.show("Loading prices…")
            return
        text = "" if answer.quote is None else quote_text(answer.quote, row.market)
        if answer.error:
            old = f" · {age(self.host.clock() - answer.good_at)} ago: {text}" if text else ""
            text = f"✗ prices unavailable: {answer.error}{old}"
        quote.show(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value.startswith("/"):  # the filter key itself, pressed again
            event.input.value = event.value.lstrip("/")
        if event.value.endswith(" "):  # mark what was found, and look for the next one
            is_found = self._grid.current is not None
            self.action_mark()
            event.input.value = "" if is_found else event.value.rstrip()
            return
        self._apply_filter()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_pick()

    def on_grid_moved(self, event: Grid.Moved) -> None:
        self._show_position()
        self._show_detail()

    def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Sort by the current prices; rows keep their order while prices change."""
        answers = ((market, self._feed.result(market)) for market in self._markets)
        self._ranked = {market.address: None if answer is None else answer.quote for market, answer in answers}
        self._show_rows()

    def on_grid_picked(self, event: Grid.Picked) -> None:
        self.action_pick()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_refresh_markets()

    # prices

    def on_screen_suspend(self) -> None:
        if not self.is_seen:
            self._cancel_requests(keep=frozenset())

    def _visible_markets(self) -> list[Market]:
        grid = self._grid
        top = grid.scroll_offset.y
        return [row.market for row in grid.rows[top : top + max(0, grid.size.height - 1)]]

    def _check_visible(self) -> None:
        """Request prices for rows that stay visible, cancel requests for others, and show what has arrived."""
        was_covered, self._is_covered = self._is_covered, not self.is_seen
        if self._is_covered or not self._markets:
            return
        if was_covered:
            self._find_resumable()
        visible = self._visible_markets()
        addresses = frozenset(market.address for market in visible)
        self._cancel_requests(keep=addresses)
        staying = [market for market in visible if market.address in self._visible]
        self._visible = addresses
        for market in self._feed.due(staying, self.host.clock()):
            self._requests[market.address] = self._request(market)
        self._show_rows()

    def _cancel_requests(self, *, keep: frozenset[str]) -> None:
        """Cancel all requests except those for these order books."""
        for address in [address for address in self._requests if address not in keep]:
            self._requests.pop(address).cancel()
            self._feed.cancelled(address)

    @work(group="quotes")
    async def _request(self, market: Market) -> None:
        if self.host.bridge is None:
            return
        try:
            quote = await self.host.bridge.read(lambda engine: engine.quote(market))
        except AmaError as error:
            self._feed.failed(market, error, self.host.clock())
        else:
            self._feed.arrived(market, quote, self.host.clock())
        self._requests.pop(market.address, None)

    # actions

    async def action_forward(self, action: str) -> None:
        """Move the grid's cursor while the filter has the focus."""
        await self._grid.run_action(action)

    def action_sort(self) -> None:
        self._grid.action_sort_next()

    def action_reverse(self) -> None:
        self._grid.action_sort_reverse()

    def action_filter(self) -> None:
        self.query_one("#filter").focus()

    def action_clear(self) -> None:
        """Clear the filter; if it is empty, focus the list so letter keys work."""
        filter_field = self.query_one("#filter", Input)
        if filter_field.value:
            filter_field.value = ""
        else:
            self._grid.focus()

    def action_pick(self) -> None:
        """Set up a run on the marked markets, without any on the selected one."""
        row = self._grid.current
        marked = [market for market in self._markets if market.address in self._marked]
        if marked:
            self._open(*marked)
        elif row is not None:
            self._open(row.market)

    def action_mark(self) -> None:
        """Mark the selected market for a run on several, or take the mark back."""
        row = self._grid.current
        if row is not None:
            self._marked ^= {row.market.address}
            self._show_rows()
            self._show_marked()

    def _show_marked(self) -> None:
        names = [plain(market.symbol) for market in self._markets if market.address in self._marked]
        self.query_one("#markets").border_title = f"Markets · marked: {', '.join(names)}" if names else "Markets"

    def _open(self, *markets: Market) -> None:
        self.host.open_setup(markets)
