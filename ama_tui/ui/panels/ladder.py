"""The order book as a ladder: asks above, bids below, and between them the spread on a row that never moves.

Lines are kept as spans and compared with the painted ones; only those that differ are repainted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.domain.money import format_amount, format_price
from ama_tui.domain.order import Side
from ama_tui.ui.book_levels import PriceLevel, PriceLevels, levels_of
from ama_tui.ui.format import whole_age
from ama_tui.ui.panels.fragments import spread_points
from ama_tui.ui.states import is_stale
from ama_tui.ui.widgets.columns import muted
from ama_tui.ui.widgets.styled_text import Ink, Painted, Span

OURS, PENDING, BOTH = "●", "○", "◉"
"""Marks of a price where the fleet has resting orders, pending orders, or both."""

OURS_BAR, OTHERS_BAR = "▆", "▂"
"""The two parts of a level's bar. The fleet's is higher, so it can be told from the others' without colour."""

HEADER = 1
SPARE_ROWS = 8
"""Rows kept free for levels that disappeared; a level less does not change the layout."""

MOST_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Widths:
    """The widths of a line's parts, in cells."""

    mark: int
    price: int
    size: int
    ours: int
    bar: int

    @property
    def gap(self) -> int:
        return self.mark - 1


def widths_of(width: int, price: int) -> Widths:
    """Divide a line of `width` cells. When room is short the gaps shrink first, then the bar, then the fleet's size."""
    for mark, size, least_bar in ((3, 8, 8), (2, 8, 6), (2, 7, 4), (2, 6, 3)):
        bar = width - (mark + price + 2 * size + 3 * (mark - 1))
        if bar >= least_bar:
            return Widths(mark, price, size, size, bar)
    if 2 + price + 2 * 6 + 2 <= width:
        return Widths(2, price, 6, 6, 0)
    return Widths(2, price, 6, 0, 0)


def decimals_for(largest18: int, width: int) -> int:
    """The number of decimals that lets the largest amount fit into `width` cells; used for all amounts."""
    for decimals in range(MOST_DECIMALS, 0, -1):
        if len(format_amount(largest18, decimals)) <= width:
            return decimals
    return 0


def steady_scale(scale: int, largest: int) -> int:
    """The scale of bars, kept while the largest amount fills 60 to 100 % of it. Rescaling less often avoids flicker."""
    return scale if 6 * scale <= 10 * largest <= 10 * scale else largest


def bar_spans(level: PriceLevel, scale18: int, width: int) -> tuple[Span, Span]:
    """A level's bar, the fleet's part first; `width` cells long when the level is as large as the scale."""
    side: Ink = "bid" if level.side is Side.BUY else "ask"
    if not scale18 or not level.resting18:
        return ("", "ours"), ("", side)
    cells = min(width, max(1, round(width * level.resting18 / scale18)))
    ours = round(cells * level.ours18 / level.resting18)
    if level.ours18 and not ours:
        ours = 1
    return (OURS_BAR * ours, "ours"), (OTHERS_BAR * (cells - ours), side)


def level_spans(level: PriceLevel, widths: Widths, tick6: int, decimals: int, scale18: int) -> tuple[Span, ...]:
    """One price of the book as a line."""
    side: Ink = "bid" if level.side is Side.BUY else "ask"
    mark = BOTH if level.ours18 and level.pending18 else OURS if level.ours18 else PENDING
    has_mark = bool(level.ours18 or level.pending18)
    gap: Span = (" " * widths.gap, "plain")
    spans: list[Span] = [
        ((mark if has_mark else " ").center(widths.mark), "ours"),
        (format_price(level.price6, tick6).rjust(widths.price), side),
        gap,
        (format_amount(level.size18, decimals).rjust(widths.size), "label" if level.size18 is None else "plain"),
    ]
    if widths.ours:
        own18 = level.ours18 or level.pending18
        ink: Ink = "ours" if level.ours18 else "label"
        spans += [gap, (format_amount(own18, decimals).rjust(widths.ours) if own18 else " " * widths.ours, ink)]
    if widths.bar:
        spans += [gap, *bar_spans(level, scale18, widths.bar)]
    return tuple(spans)


def header_spans(widths: Widths) -> tuple[Span, ...]:
    """The column titles."""
    gap = " " * widths.gap
    title = " " * widths.mark + "price".rjust(widths.price) + gap + "size".rjust(widths.size)
    return ((title + (gap + "ours".rjust(widths.ours) if widths.ours else ""), "label"),)


def spread_text(snapshot: EngineSnapshot) -> tuple[Span, ...]:
    """The text of the row between the sides: '20 ticks · 0.8 bp', or which side is empty."""
    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    if not snapshot.read_at_ms:
        return (("no data yet", "label"),)
    if bid is None and ask is None:
        return (("no orders on the book", "warn"),)
    if bid is None or ask is None:
        return (("no bids" if bid is None else "no asks", "warn"),)
    points = spread_points(bid, ask)
    tick6 = 1 if snapshot.market is None else snapshot.market.tick6
    ink: Ink = "strong" if ask > bid else "danger"
    crossed = "" if ask > bid else "crossed " if ask < bid else "locked "
    return ((f"{crossed}{(ask - bid) / tick6:,.0f} ticks · {points or 0.0:.1f} bp", ink),)


def rule(spans: tuple[Span, ...], width: int) -> tuple[Span, ...]:
    """Spans centred in a horizontal rule."""
    room = max(0, width - sum(len(text) for text, _ in spans) - 4)
    left: Span = (f" {'─' * (room // 2)} ", "rule")
    return (left, *spans, (f" {'─' * (room - room // 2)} ", "rule"))


class BookLadder(Painted, ScrollView, can_focus=True):
    """Shows the book around its spread. A scroll position away from the spread is kept; `home` returns to it."""

    DEFAULT_CSS = """
    BookLadder { background: $background; scrollbar-size: 0 0; overflow-x: hidden; overflow-y: scroll; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,c", "centre", "Back to the spread", show=False),
    ]
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._snapshot: EngineSnapshot = EngineSnapshot(EngineState.READY)
        self._now = 0.0
        self._levels = PriceLevels()
        self._above = self._below = 0
        self._price_width = 5
        self._decimals = MOST_DECIMALS
        self._scale18 = 0
        self._painted: dict[int, tuple[tuple[Span, ...], bool, Strip]] = {}

    @property
    def levels(self) -> PriceLevels:
        return self._levels

    @property
    def text(self) -> str:
        """The visible lines as plain text."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))

    def tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show this snapshot's book as of `now` (Unix seconds); only changed lines are repainted."""
        was_stale, self._now = self._is_stale, now
        if snapshot is not self._snapshot:
            if snapshot.market != self._snapshot.market:
                self._price_width, self._scale18 = 5, 0
            levels = levels_of(snapshot)
            has_changed = levels is not self._levels or spread_text(snapshot) != spread_text(self._snapshot)
            self._snapshot, self._levels = snapshot, levels
            if has_changed:
                self._measure()
                self._lay_out()
        else:
            has_changed = False
        if has_changed or was_stale or self._is_stale:
            self._repaint_changed()

    def _measure(self) -> None:
        """Set the widths and decimals that all lines share. The price column never gets narrower on a market."""
        levels = (*self._levels.asks, *self._levels.bids)
        if not levels:
            return
        highest6 = max(level.price6 for level in levels)
        self._price_width = max(self._price_width, len(format_price(highest6, self._tick6)))
        largest18 = max(max(level.resting18, level.pending18) for level in levels)
        self._decimals = decimals_for(largest18, self._widths.size)

    @property
    def _tick6(self) -> int:
        return 10_000 if self._snapshot.market is None else self._snapshot.market.tick6

    @property
    def _widths(self) -> Widths:
        return widths_of(self.size.width, self._price_width)

    @property
    def _is_stale(self) -> bool:
        return is_stale(self._snapshot, self._now)

    @property
    def _centre(self) -> int:
        """The number of rows above the spread when it is in the middle."""
        return max(0, (self.size.height - HEADER - 1) // 2)

    def _lay_out(self, *, reset: bool = False) -> None:
        """Give every level a row without moving the spread on the screen; `reset` centres it."""
        centre = self._centre
        below_centre = max(0, self.size.height - HEADER - 1 - centre)
        above, below = max(len(self._levels.asks), centre), max(len(self._levels.bids), below_centre)
        if not reset:
            above = self._above if above <= self._above <= above + SPARE_ROWS else above
            below = self._below if below <= self._below <= below + SPARE_ROWS else below
            if (above, below) == (self._above, self._below):
                return
        from_centre = 0 if reset else self.scroll_offset.y - (self._above - centre)
        self._above, self._below = above, below
        self._painted.clear()
        self.virtual_size = Size(self.size.width, HEADER + above + 1 + below)
        self.scroll_to(y=above - centre + from_centre, animate=False, immediate=True)
        self.refresh()

    def _repaint_changed(self) -> None:
        self._rescale()
        width, is_stale_now = self.size.width, self._is_stale
        changed: list[Region] = []
        for y, (spans, was_stale, _) in list(self._painted.items()):
            if was_stale != is_stale_now or spans != self._spans(y):
                del self._painted[y]
                changed.append(Region(0, y, width, 1))
        if changed:
            self.refresh(*changed)

    def _rescale(self) -> None:
        visible = [self._level(y) for y in range(HEADER, self.size.height)]
        largest18 = max((level.resting18 for level in visible if level is not None), default=0)
        self._scale18 = steady_scale(self._scale18, largest18)

    def _row(self, y: int) -> int:
        """The row on a line of the screen: 0 is the spread, -1 the best ask, 1 the best bid."""
        return self.scroll_offset.y + y - HEADER - self._above

    def _level(self, y: int) -> PriceLevel | None:
        row = self._row(y)
        side, index = (self._levels.asks, -row - 1) if row < 0 else (self._levels.bids, row - 1)
        return side[index] if 0 <= index < len(side) else None

    def _spans(self, y: int) -> tuple[Span, ...]:
        if y == 0:
            return header_spans(self._widths)
        if self._row(y) == 0:
            return rule(self._spread(), self.size.width)
        level = self._level(y)
        return () if level is None else level_spans(level, self._widths, self._tick6, self._decimals, self._scale18)

    def _spread(self) -> tuple[Span, ...]:
        spread = spread_text(self._snapshot)
        if not self._is_stale:
            return spread
        age = whole_age(self._now - self._snapshot.read_at_ms / 1000)
        return (*spread, (f" · {age} old", "warn"))

    def render_line(self, y: int) -> Strip:
        painted = self._painted.get(y)
        if painted is not None:
            return painted[2]
        spans, is_stale_now = self._spans(y), self._is_stale
        strip = self.strip(muted(spans) if is_stale_now else spans, self.size.width)
        self._painted[y] = (spans, is_stale_now, strip)
        return strip

    def notify_style_update(self) -> None:
        self._painted.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._measure()
        self._lay_out(reset=True)
        self._rescale()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if round(old_value) != round(new_value):
            self._painted.clear()
            self._rescale()
        super().watch_scroll_y(old_value, new_value)

    def action_move(self, step: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + step, animate=False, immediate=True)

    def action_page(self, step: int) -> None:
        self.action_move(step * max(1, self.size.height - HEADER - 1))

    def action_centre(self) -> None:
        self.scroll_to(y=self._above - self._centre, animate=False, immediate=True)
