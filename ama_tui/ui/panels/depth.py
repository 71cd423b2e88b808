"""The depth profile, one or two lines: the cumulative size on each side by distance from the mid price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual.geometry import Region, Size
from textual.strip import Strip

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.ui.book_levels import PriceLevel, PriceLevels, levels_of
from ama_tui.ui.states import is_stale
from ama_tui.ui.widgets.columns import muted
from ama_tui.ui.widgets.styled_text import Ink, Painted, Span, spans_width

STEPS = "▁▂▃▄▅▆▇█"
MIDDLE = "│"
COVERED = 0.95
"""The share of the visible size that the profile covers; a single distant order does not flatten it."""

MOST_COLUMNS = 40
"""The most columns per side."""


@dataclass(frozen=True, slots=True)
class DepthColumn:
    """The size on one side within a distance of the mid price, and the fleet's part of it."""

    total18: int = 0
    ours18: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """Both sides from the mid price outwards."""

    bids: tuple[DepthColumn, ...] = ()
    asks: tuple[DepthColumn, ...] = ()
    range6: int = 0
    """The distance of the last columns from the mid price, with 6 decimals."""

    @property
    def largest18(self) -> int:
        return max((side[-1].total18 for side in (self.bids, self.asks) if side), default=0)


def profile_of(levels: PriceLevels, mid_x2: int, columns: int, range6: int = 0) -> Profile:
    """The cumulative sizes around a mid price (given doubled), in `columns` columns per side.

    `range6` is the distance to show; 0 selects the one that covers `COVERED` of the total. Beyond the depth that
    was read only the fleet's own orders count.
    """
    if columns <= 0:
        return Profile()
    range6 = range6 or covered_range6(levels, mid_x2)
    if not range6:
        return Profile()
    return Profile(
        _cumulative(levels.bids, mid_x2, columns, range6), _cumulative(levels.asks, mid_x2, columns, range6), range6
    )


def covered_range6(levels: PriceLevels, mid_x2: int) -> int:
    """The distance from the mid price (given doubled) within which `COVERED` of the visible size is."""
    by_distance = sorted((_distance6(level, mid_x2), level.resting18) for level in (*levels.bids, *levels.asks))
    covered18 = COVERED * sum(size18 for _, size18 in by_distance)
    total18 = 0
    for distance6, size18 in by_distance:
        total18 += size18
        if size18 and total18 >= covered18:
            return max(1, distance6)
    return 0


def _distance6(level: PriceLevel, mid_x2: int) -> int:
    return max(0, -(-abs(2 * level.price6 - mid_x2) // 2))


def _cumulative(side: Sequence[PriceLevel], mid_x2: int, columns: int, range6: int) -> tuple[DepthColumn, ...]:
    totals, ours = [0] * columns, [0] * columns
    for level in side:
        column = (_distance6(level, mid_x2) * columns - 1) // range6
        if column < columns:
            totals[max(0, column)] += level.resting18
            ours[max(0, column)] += level.ours18
    total18 = ours18 = 0
    result = []
    for column_total18, column_ours18 in zip(totals, ours, strict=True):
        total18, ours18 = total18 + column_total18, ours18 + column_ours18
        result.append(DepthColumn(total18, ours18))
    return tuple(result)


def hill(amounts: Sequence[int], largest: int) -> str:
    """Amounts as eighths of a line; any amount above zero is visible."""
    return "".join(" " if not amount or not largest else STEPS[min(7, amount * 8 // largest)] for amount in amounts)


def profile_spans(profile: Profile, part: Literal["all", "ours"]) -> tuple[Span, ...]:
    """One line of the profile, bids mirrored to the left.

    `all` shows the whole size, accented where most of it is the fleet's; `ours` shows the fleet's part to the same
    scale.
    """
    largest18 = profile.largest18
    spans: list[Span] = []
    for column in reversed(profile.bids):
        _add(spans, column, largest18, "bid", part)
    spans.append((MIDDLE, "label"))
    for column in profile.asks:
        _add(spans, column, largest18, "ask", part)
    return tuple(spans)


def _add(spans: list[Span], column: DepthColumn, largest18: int, side: Ink, part: Literal["all", "ours"]) -> None:
    is_ours = part == "ours" or 2 * column.ours18 > column.total18
    text = hill((column.ours18 if part == "ours" else column.total18,), largest18)
    ink: Ink = "ours" if is_ours else side
    if spans and spans[-1][1] == ink:
        text = spans.pop()[0] + text
    spans.append((text, ink))


def share_text(profile: Profile) -> str:
    """'42%': the fleet's share of the size within the profile's range; '' when there is none."""
    ends = [side[-1] for side in (profile.bids, profile.asks) if side]
    total18 = sum(end.total18 for end in ends)
    return f"{sum(end.ours18 for end in ends) / total18:.0%}" if total18 else ""


def middle_x2(snapshot: EngineSnapshot, levels: PriceLevels) -> int | None:
    """Twice the price that distances are measured from: the mid price, else the anchor, else the only best price."""
    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    if bid is not None and ask is not None:
        return bid + ask
    if snapshot.anchor_x2:
        return snapshot.anchor_x2
    nearest = (*levels.bids[:1], *levels.asks[:1])
    return 2 * nearest[0].price6 if nearest else None


class DepthProfile(Painted):
    """The depth profile. With a height of two lines in its style, the second one shows the fleet's own orders."""

    DEFAULT_CSS = "DepthProfile { height: 1; width: 1fr; background: $background; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._snapshot: EngineSnapshot = EngineSnapshot(EngineState.READY)
        self._is_stale = False
        self._range6 = 0
        self._levels = PriceLevels()
        self._lines: tuple[tuple[Span, ...], ...] = ()

    @property
    def text(self) -> str:
        """The visible lines as plain text."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show this snapshot's book as of `now` (Unix seconds), muted when stale; only changed lines are repainted."""
        stale = is_stale(snapshot, now)
        if snapshot is self._snapshot and stale == self._is_stale:
            return
        if snapshot.market != self._snapshot.market:
            self._range6 = 0
        is_same = self._sees(snapshot) == self._sees(self._snapshot) and stale == self._is_stale
        self._snapshot, self._is_stale = snapshot, stale
        levels = levels_of(snapshot)
        if levels is not self._levels or not is_same:
            self._levels = levels
            self._show()

    @staticmethod
    def _sees(snapshot: EngineSnapshot) -> tuple[object, ...]:
        """What the profile depends on, apart from the levels."""
        return snapshot.market, snapshot.best_bid6, snapshot.best_ask6, snapshot.anchor_x2, bool(snapshot.read_at_ms)

    def _show(self) -> None:
        lines = self._draw(levels_of(self._snapshot))
        if self._is_stale:
            lines = tuple(tuple(muted(line)) for line in lines)
        before, self._lines = self._lines, lines
        changed = [
            Region(0, y, self.size.width, 1) for y, line in enumerate(lines) if y >= len(before) or before[y] != line
        ]
        if changed:
            self.refresh(*changed)

    def _draw(self, levels: PriceLevels) -> tuple[tuple[Span, ...], ...]:
        width, has_two = self.size.width, self.size.height >= 2
        mid_x2 = middle_x2(self._snapshot, levels)
        if mid_x2 is None or not self._snapshot.read_at_ms:
            return (((" depth ", "label"), ("–", "label")),)
        tick6 = 1 if self._snapshot.market is None else self._snapshot.market.tick6
        covered6 = covered_range6(levels, mid_x2)
        if not 6 * self._range6 <= 10 * covered6 <= 10 * self._range6:
            self._range6 = covered6
        distance: Span = (f" ±{self._range6 / tick6:,.0f} t", "label")
        columns = min(MOST_COLUMNS, (width - 8 - 11 - 1) // 2)
        profile = profile_of(levels, mid_x2, columns, self._range6)
        first = ((" depth ", "label"), *profile_spans(profile, "all"))
        share = share_text(profile)
        if not has_two:
            ours: Span = (f" ours {share}" if share else "", "ours")
            return ((*first, ours if spans_width((*first, ours)) <= width else ("", "ours")),)
        return ((*first, distance), (("  ours ", "label"), *profile_spans(profile, "ours"), (f" {share}", "ours")))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return self.strip(self._lines[y], width) if y < len(self._lines) else Strip.blank(width, self.rich_style)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def on_resize(self) -> None:
        self._show()
        self.refresh()
