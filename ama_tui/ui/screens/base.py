"""The base of every screen: its scope in the action table, its host, and updates from the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual._styles_cache import StylesCache
from textual.screen import Screen
from textual.screen import ScreenResultType as Result

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
    from ama_tui.ui.actions import Scope
    from ama_tui.ui.host import Host


class AmaScreen(Screen[Result]):
    """Receives engine snapshots while it is on top; a screen under a dialog is not updated."""

    SCOPE: ClassVar[Scope]
    # not ClassVar: the base class declares them as instance variables
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012

    is_ready = False
    """The screen's widgets are mounted."""

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    def on_mount(self) -> None:
        self.is_ready = True
        self.on_screen_resume()

    def on_screen_resume(self) -> None:
        if self.host.bridge is not None and self.is_ready:
            self.host.bridge.attach(self)

    def on_screen_suspend(self) -> None:
        if self.host.bridge is not None:
            self.host.bridge.detach(self)

    def on_unmount(self) -> None:
        self.on_screen_suspend()
        # Textual caches on a method, which keeps closed widgets and everything they painted alive.
        StylesCache.get_inner_outer.cache_clear()

    def on_resize(self) -> None:
        """Cover the screen while the terminal is too small for it. Dialogs need less room and are not covered."""
        from ama_tui.ui.terminal_size import is_too_small
        from ama_tui.ui.widgets.too_small import TooSmall, too_small_text

        width, height = self.app.size
        cover = next(iter(self.query(TooSmall)), None)
        if self.is_modal or not is_too_small(width, height):
            if cover is not None:
                cover.remove()
        elif cover is None:
            self.mount(TooSmall(width, height))
        else:
            cover.show(too_small_text(width, height))

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show the engine's state as of `now` (Unix seconds). The base class does nothing."""

    def state_changed(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show a change of the engine's state while a dialog covers this screen. The base class does nothing."""
