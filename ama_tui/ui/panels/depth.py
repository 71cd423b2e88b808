"""A depth profile in one or two lines: how much rests within a distance of the middle, on either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual.geometry import Region, Size
from textual.strip import Strip

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.ui.book_levels import PriceLevel, PriceLevels, levels_of
from ama_tui.ui.panels.status import is_stale
from ama_tui.ui.widgets.columns import quiet
from ama_tui.ui.widgets.styled_text import Ink, Painted, Span, spans_width

STEPS = "▁▂▃▄▅▆▇█"
MIDDLE = "│"
COVERED = 0.95
"""The share of what is known to rest that the profile reaches; a lone order far away does not flatten it."""

MOST_COLUMNS = 40
"""Columns of a side; more would show no more than a hill."""


@dataclass(frozen=True, slots=True)
class DepthColumn:
    """What rests on one side within a distance of the middle, and the fleet's part of it."""

    total18: int = 0
    ours18: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """Both sides from the middle outwards. `range6` is the distance that the last columns reach."""

    bids: tuple[DepthColumn, ...] = ()
    asks: tuple[DepthColumn, ...] = ()
    range6: int = 0

    @property
    def largest18(self) -> int:
        return max((side[-1].total18 for side in (self.bids, self.asks) if side), default=0)


def profile_of(levels: PriceLevels, mid_x2: int, columns: int, range6: int = 0) -> Profile:
    """The cumulative sizes around a middle (given doubled) in `columns` columns a side.

    `range6` is the distance to show; 0 takes the one within which `COVERED` of it all rests. What is deeper
    than the depth that was read counts with the fleet's own part, the rest is not known.
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
    """The distance from the middle within which `COVERED` of all that is known rests."""
    by_distance = sorted((_distance6(level, mid_x2), level.resting18) for level in (*levels.bids, *levels.asks))
    wanted = COVERED * sum(size18 for _, size18 in by_distance)
    reached18 = 0
    for distance6, size18 in by_distance:
        reached18 += size18
        if size18 and reached18 >= wanted:
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
    for here18, own18 in zip(totals, ours, strict=True):
        total18, ours18 = total18 + here18, ours18 + own18
        result.append(DepthColumn(total18, ours18))
    return tuple(result)


def hill(amounts: Sequence[int], largest: int) -> str:
    """Amounts as steps of an eighth of a line; the least amount above nothing still shows."""
    return "".join(" " if not one or not largest else STEPS[min(7, one * 8 // largest)] for one in amounts)


def profile_spans(profile: Profile, part: Literal["all", "ours"]) -> tuple[Span, ...]:
    """One line of the profile, bids mirrored to the left.

    `all` is what rests there, in the accent where most of it is the fleet's; `ours` the fleet's part, to
    the same scale.
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
    """'42%': the fleet's part of what rests within the profile's range; '' when nothing does."""
    ends = [side[-1] for side in (profile.bids, profile.asks) if side]
    total18 = sum(end.total18 for end in ends)
    return f"{sum(end.ours18 for end in ends) / total18:.0%}" if total18 else ""


def middle_x2(snapshot: EngineSnapshot, levels: PriceLevels) -> int | None:
    """Twice the price that the sides are measured from: the book's middle, else the anchor, else the one touch."""
    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    if bid is not None and ask is not None:
        return bid + ask
    if snapshot.anchor_x2:
        return snapshot.anchor_x2
    nearest = (*levels.bids[:1], *levels.asks[:1])
    return 2 * nearest[0].price6 if nearest else None


class DepthProfile(Painted):
    """The profile of the book. With two lines the second one is the fleet's own; `height` in its style says."""

    DEFAULT_CSS = "DepthProfile { height: 1; width: 1fr; background: $background; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._snapshot: EngineSnapshot = EngineSnapshot(EngineState.READY)
        self._is_stale = False
        self._range6 = 0
        self._lines: tuple[tuple[Span, ...], ...] = ()

    @property
    def text(self) -> str:
        """What is on the screen, as plain text."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show this snapshot's book as of `now` (Unix seconds), quiet when it is stale; repaints lines that differ."""
        is_old = is_stale(snapshot, now)
        if snapshot is self._snapshot and is_old == self._is_stale:
            return
        if snapshot.market != self._snapshot.market:
            self._range6 = 0
        self._snapshot, self._is_stale = snapshot, is_old
        self._show()

    def _show(self) -> None:
        drawn = self._drawn(levels_of(self._snapshot))
        if self._is_stale:
            drawn = tuple(tuple(quiet(line)) for line in drawn)
        before, self._lines = self._lines, drawn
        changed = [
            Region(0, y, self.size.width, 1) for y, line in enumerate(drawn) if y >= len(before) or before[y] != line
        ]
        if changed:
            self.refresh(*changed)

    def _drawn(self, levels: PriceLevels) -> tuple[tuple[Span, ...], ...]:
        width, has_two = self.size.width, self.size.height >= 2
        mid_x2 = middle_x2(self._snapshot, levels)
        if mid_x2 is None or not self._snapshot.read_at_ms:
            return (((" depth ", "label"), ("–", "label")),)
        tick6 = 1 if self._snapshot.market is None else self._snapshot.market.tick6
        covered6 = covered_range6(levels, mid_x2)
        if not 6 * self._range6 <= 10 * covered6 <= 10 * self._range6:
            self._range6 = covered6
        reach: Span = (f" ±{self._range6 / tick6:,.0f} t", "label")
        columns = min(MOST_COLUMNS, (width - 8 - 11 - 1) // 2)
        profile = profile_of(levels, mid_x2, columns, self._range6)
        first = ((" depth ", "label"), *profile_spans(profile, "all"))
        share = share_text(profile)
        if not has_two:
            told: Span = (f" ours {share}" if share else "", "ours")
            return ((*first, told if spans_width((*first, told)) <= width else ("", "ours")),)
        return ((*first, reach), (("  ours ", "label"), *profile_spans(profile, "ours"), (f" {share}", "ours")))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return self.strip(self._lines[y], width) if y < len(self._lines) else Strip.blank(width, self.rich_style)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def on_resize(self) -> None:
        self._show()
        self.refresh()
