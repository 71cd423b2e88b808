"""Textual's compositor, made to ask only the widgets for lines that have something to repaint.

Textual's own asks every widget in sight for all its lines, whatever changed: most of the cost of a frame in which one
line differs.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class LeanCompositor(Compositor):
    """Renders of each widget no more than the lines between its first and its last changed one."""

    _changed: tuple[Region, ...] | None = None
    """The regions of the partial update that is being made; None otherwise."""

    def render_partial_update(self) -> ChopsUpdate | None:
        self._changed = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = None

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if self._changed is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            touched = [part for part in map(shown.intersection, self._changed) if part]
            if touched:
                rows = Region.from_union(touched)
                lines = Region(shown.x, rows.y, shown.width, rows.height)
                yield region, lines, widget.render_lines(lines.translate((-region.x, -region.y)))
