"""What every screen of the dashboard shares: its place in the action table, and the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual._styles_cache import StylesCache
from textual.screen import Screen
from textual.screen import ScreenResultType as Result

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
    from ama_tui.ui.actions import Place
    from ama_tui.ui.app import AmaApp


class AmaScreen(Screen[Result]):
    """A screen that watches the engine while it is on top, and not while a dialog covers it."""

    PLACE: ClassVar[Place]
    # not ClassVar: the base class declares them as instance variables
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012

    @property
    def ama(self) -> AmaApp:
        return cast("AmaApp", self.app)

    is_ready = False
    """The screen's widgets are there."""

    def on_mount(self) -> None:
        self.is_ready = True
        self.on_screen_resume()

    def on_screen_resume(self) -> None:
        if self.ama.bridge is not None and self.is_ready:
            self.ama.bridge.attach(self)

    def on_screen_suspend(self) -> None:
        if self.ama.bridge is not None:
            self.ama.bridge.detach(self)

    def on_unmount(self) -> None:
        self.on_screen_suspend()
        # Textual caches on a method, which keeps closed widgets and all that they painted alive.
        StylesCache.get_inner_outer.cache_clear()

    def on_resize(self) -> None:
        """Cover the screen while the terminal is too small for it; dialogs stay, they need less."""
        from ama_tui.ui.screens.too_small import TooSmall, small_text
        from ama_tui.ui.terminal_size import is_too_small

        width, height = self.app.size
        cover = next(iter(self.query(TooSmall)), None)
        if self.is_modal or not is_too_small(width, height):
            if cover is not None:
                cover.remove()
        elif cover is None:
            self.mount(TooSmall(width, height))
        else:
            cover.show(small_text(width, height))

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show the engine's state; does nothing unless a screen says how."""

    def state_changed(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show the engine's new state though a dialog covers this screen; does nothing unless a screen says how."""
