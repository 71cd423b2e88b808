"""The market picker: filter as you type, hundreds of rows, Enter picks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.types import CSSPathType
from textual.widgets import Button, Input

from ama_tui.domain.errors import AmaError
from ama_tui.domain.market import Market, Quote, short_address
from ama_tui.domain.money import format_price
from ama_tui.ui.actions import Place, bindings_for
from ama_tui.ui.format import count, pad, plain
from ama_tui.ui.panels.status import Venue
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.grid import Cell, Column, Grid
from ama_tui.ui.widgets.keybar import KeyBar
from ama_tui.ui.widgets.lines import Lines, field
from ama_tui.ui.widgets.plain import Plain
from ama_tui.ui.widgets.problem import Problem

if TYPE_CHECKING:
    from ama_tui.ui.bridge import DeskFacts

QUOTE_DELAY = 0.25
"""Seconds that the cursor rests on a market before its prices are asked for."""


def _symbol(market: Market, width: int, now: float) -> Cell:
    return ((pad(plain(market.symbol), width), "strong"),)


def _identifier(market: Market, width: int, now: float) -> Cell:
    return ((pad(plain(market.identifier or "–"), width), "plain"),)


def _tick(market: Market, width: int, now: float) -> Cell:
    text = format_price(market.tick6, market.tick6)
    return ((f"{text} *" if market.tick_is_default else f"{text}  ", "plain"),)


def _book(market: Market, width: int, now: float) -> Cell:
    return ((market.address if width >= len(market.address) else short_address(market.address), "label"),)


def _chain(market: Market, width: int, now: float) -> Cell:
    return ((str(market.chain_id), "label"),)


COLUMNS: tuple[Column[Market], ...] = (
    Column("symbol", "symbol", 16, _symbol),
    Column("identifier", "identifier", 20, _identifier, rank=1),
    Column("tick", "tick  ", 12, _tick, right=True, rank=2),
    Column("chain", "chain", 8, _chain, right=True, rank=4),
    Column("book", "order book", 13, _book, rank=3, grows=True),
)


def matches(market: Market, words: list[str]) -> bool:
    """Does every word occur in the market's symbol, identifier or address?"""
    text = f"{market.symbol} {market.identifier or ''} {market.address}".lower()
    return all(word in text for word in words)


def named(markets: tuple[Market, ...], selector: str) -> Market | None:
    """The market that a symbol or an address names, whatever the case."""
    wanted = selector.strip().lower()
    by_address = [market for market in markets if market.address == wanted]
    by_symbol = [market for market in markets if market.symbol.lower() == wanted]
    by_identifier = [market for market in markets if (market.identifier or "").lower() == wanted]
    return next(iter([*by_address, *by_symbol, *by_identifier]), None)


def quote_text(quote: Quote, market: Market) -> str:
    """'bid 2,499.90  ask 2,500.10  mark 2,499.97  last 2,500.10'."""
    prices = {
        "bid": quote.best_bid6, "ask": quote.best_ask6, "mark": quote.mark6, "last": quote.last_trade6,
    }  # fmt: skip
    return "   ".join(f"{name} {format_price(price6, market.tick6)}" for name, price6 in prices.items())


class MarketsScreen(AmaScreen[None]):
    """Loads the markets on mount; the preselected one is opened at once."""

    PLACE: ClassVar[Place] = "markets"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("markets")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("markets"),
        Binding("up", "forward('move(-1)')", "Up", show=False),
        Binding("down", "forward('move(1)')", "Down", show=False),
        Binding("pageup", "forward('page(-1)')", "Page up", show=False),
        Binding("pagedown", "forward('page(1)')", "Page down", show=False),
    ]
    AUTO_FOCUS = "#filter"

    def __init__(self, facts: DeskFacts) -> None:
        super().__init__()
        self._facts = facts
        self._markets: tuple[Market, ...] = ()
        self._preselected = facts.preselected
        self._quote_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="head")
        with Vertical(classes="frame", id="markets") as frame:
            frame.border_title = "Markets"
            with Horizontal(id="filter-row"):
                yield Plain("filter", classes="label", id="filter-label")
                yield Input(placeholder="symbol, identifier or address", id="filter", compact=True)
                yield Plain(id="matches", classes="label")
            yield Plain("loading the markets…", id="message")
            yield Problem(id="problem")
            yield Button("Try again  F5", id="retry", compact=True)
            yield Grid(COLUMNS, id="grid")
        yield Plain(id="detail")
        yield Plain(id="quote", classes="label")
        yield KeyBar()

    def on_mount(self) -> None:
        venue = Venue(self._facts.environment_label, self._facts.is_demo)
        label = plain(venue.label.removeprefix("DEMO ") if venue.is_demo else venue.label)
        wallets = count(self._facts.wallets_available, "wallet")
        self.query_one("#head", Lines).show(
            [
                (
                    field(("ama-tui", "label"), rank=1),
                    field(venue.tag, (f" {label}", "plain")),
                    field((wallets, "label"), rank=2, right=True),
                )
            ]
        )
        self._show_state("loading")
        self.action_refresh_markets()

    # loading

    def action_refresh_markets(self) -> None:
        self.run_worker(self._load(), group="markets", exclusive=True)

    async def _load(self) -> None:
        bridge = self.ama.bridge
        if bridge is None:
            return
        if not self._markets:
            self._show_state("loading")
        try:
            self._markets = await bridge.ask(lambda desk: desk.markets())
        except AmaError as error:
            self.query_one(Problem).show(error)
            self._show_state("error")
            return
        self.query_one(Problem).clear()
        self._show_state("list" if self._markets else "empty")
        self._apply_filter()
        self._open_preselected()

    def _show_state(self, state: str) -> None:
        message = self.query_one("#message", Plain)
        message.show({"loading": "loading the markets…", "empty": "This venue lists no active market."}.get(state, ""))
        message.display = state in {"loading", "empty"}
        self.query_one("#retry").display = state in {"empty", "error"}
        self.query_one("#filter-row").display = state == "list"
        self.query_one("#grid").display = state == "list" or (state == "error" and bool(self._markets))
        if state in {"empty", "error"}:
            self.query_one("#retry").focus()
        elif state == "list" and self.focused is None:
            self.query_one("#filter").focus()

    def _open_preselected(self) -> None:
        selector, self._preselected = self._preselected, None
        if selector is None or not self._markets:
            return
        market = named(self._markets, selector)
        if market is None:
            self.ama.tell(f"no market is called {selector}: pick one from the list", is_error=True)
        else:
            self._open(market)

    # filter and cursor

    @property
    def _grid(self) -> Grid[Market]:
        return self.query_one("#grid", Grid)

    def _apply_filter(self) -> None:
        words = self.query_one("#filter", Input).value.lower().split()
        rows = tuple(market for market in self._markets if matches(market, words))
        before = self._grid.current
        self._grid.tick(rows, self.ama.clock())
        if before in rows:
            self._grid.move_to(rows.index(before))
        else:
            self._grid.move_to(0)
        self.query_one("#matches", Plain).show(f"{len(rows)} of {len(self._markets)}")
        if not rows:
            self._show_detail(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._apply_filter()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_pick()

    def on_grid_moved(self, event: Grid.Moved) -> None:
        self._show_detail(self._grid.current)

    def on_grid_picked(self, event: Grid.Picked) -> None:
        self.action_pick()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_refresh_markets()

    def _show_detail(self, market: Market | None) -> None:
        if self._quote_timer is not None:
            self._quote_timer.stop()
        self.query_one("#quote", Plain).show("")
        if market is None:
            self.query_one("#detail", Plain).show("no market matches the filter" if self._markets else "")
            return
        default_tick = "   * the venue names no tick: 0.01" if market.tick_is_default else ""
        self.query_one("#detail", Plain).show(market.label + default_tick)
        self._quote_timer = self.set_timer(QUOTE_DELAY, lambda: self._ask_quote(market))

    def _ask_quote(self, market: Market) -> None:
        self.run_worker(self._load_quote(market), group="quote", exclusive=True)

    async def _load_quote(self, market: Market) -> None:
        if self.ama.bridge is None:
            return
        try:
            text = quote_text(await self.ama.bridge.ask(lambda desk: desk.quote(market)), market)
        except AmaError as error:
            text = f"✗ no prices: {error.message}"
        if self._grid.current == market:
            self.query_one("#quote", Plain).show(text)

    # actions

    async def action_forward(self, action: str) -> None:
        """Move the grid's cursor while the filter keeps the focus."""
        await self._grid.run_action(action)

    def action_filter(self) -> None:
        self.query_one("#filter").focus()

    def action_clear(self) -> None:
        """Empty the filter; when it is empty, leave it, so that letter keys act again."""
        filter_field = self.query_one("#filter", Input)
        if filter_field.value:
            filter_field.value = ""
        else:
            self._grid.focus()

    def action_pick(self) -> None:
        market = self._grid.current
        if market is not None:
            self._open(market)

    def _open(self, market: Market) -> None:
        from ama_tui.ui.screens.setup import SetupScreen

        self.app.push_screen(SetupScreen(market, self._facts))
