"""The base of every screen: its scope in the action table, its host, and updates from the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual._styles_cache import StylesCache
from textual.screen import UPDATE_PERIOD, Screen
from textual.screen import ScreenResultType as Result

from ama_tui.ui.compositor import LeanCompositor
from ama_tui.ui.frame_timer import FrameTimer

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
    from ama_tui.ui.actions import Scope
    from ama_tui.ui.host import Host


class AmaScreen(Screen[Result]):
    """Is told within a quarter of a second what changed while it is on top, within a second under another screen."""

    SCOPE: ClassVar[Scope]
    # not ClassVar: the base class declares them as instance variables
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012

    is_ready = False
    """The screen's widgets are mounted."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name, id, classes)
        self._compositor = LeanCompositor()
        self._frame_timer: FrameTimer | None = None

    @property
    def _update_timer(self) -> FrameTimer:
        """Textual paints from its callback."""
        if self._frame_timer is None:
            self._frame_timer = FrameTimer(self, UPDATE_PERIOD, callback=self._on_timer_update, pause=True)
            self._frame_timer._start()
            self._timers.add(self._frame_timer)
        return self._frame_timer

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    @property
    def is_seen(self) -> bool:
        """The screen is on top, or only dialogs are over it."""
        stack = self.app.screen_stack
        return self in stack and all(screen.is_modal for screen in stack[stack.index(self) + 1 :])

    def on_mount(self) -> None:
        self.is_ready = True
        self.on_screen_resume()
        self.host.show_kills()

    def on_screen_resume(self) -> None:
        if self.host.bridge is not None and self.is_ready:
            self.host.bridge.attach(self)

    def on_screen_suspend(self) -> None:
        bridge = self.host.bridge
        if bridge is not None and self in self.app.screen_stack:
            bridge.cover(self)
        elif bridge is not None:
            bridge.detach(self)  # it is being closed: its widgets go first

    def on_unmount(self) -> None:
        if self.host.bridge is not None:
            self.host.bridge.detach(self)
        # Textual caches on a method, which keeps closed widgets and everything they painted alive.
        StylesCache.get_inner_outer.cache_clear()

    def on_resize(self) -> None:
        """Cover the screen while the terminal is too small for it. Dialogs need less room and are not covered."""
        from ama_tui.ui.terminal_size import is_too_small
        from ama_tui.ui.widgets.frame_title import fit_titles
        from ama_tui.ui.widgets.too_small import TooSmall, too_small_text

        self.call_after_refresh(fit_titles, self)
        width, height = self.app.size
        cover = next(iter(self.query(TooSmall)), None)
        if self.is_modal or not is_too_small(width, height):
            if cover is not None:
                cover.remove()
        elif cover is None:
            self.mount(TooSmall(width, height))
        else:
            cover.show(too_small_text(width, height))

    def show_banner(self, text: str) -> None:
        """Show this across the top, '' for nothing. Dialogs do not: the screen below them does."""
        if not self.is_ready or self.is_modal:
            return
        from ama_tui.ui.widgets.banner import Banner

        banner = next(iter(self.query(Banner)), None)
        if banner is None and text:
            self.mount(Banner(text), before=0)
        elif banner is not None and text:
            banner.show(text)
        elif banner is not None:
            banner.remove()

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show the engine's state as of `now` (Unix seconds). The base class does nothing."""
