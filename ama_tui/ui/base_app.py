"""The part of the application that knows nothing of runs: themes, signals, toasts, the palette, failures.

At import time it loads only what the first frame needs.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.screen import Screen
from textual.types import CSSPathType
from textual.worker import WorkerFailed

from ama_tui.ui.actions import actions_reachable_from, bindings_for
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.theme import AMA_DARK, THEMES, meanings, style
from ama_tui.ui.widgets.styled_text import INK_CLASSES

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class BaseApp(App[ExitMessage]):
    """An application that survives the loss of its terminal, handles signals, and shows no secrets when it fails."""

    CSS_PATH: ClassVar[CSSPathType | None] = style("starting")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("anywhere")
    COMPONENT_CLASSES: ClassVar[set[str]] = set(INK_CLASSES)
    TITLE = "ama-tui"
    ENABLE_SELECT_AUTO_SCROLL = False
    NOTIFICATION_TIMEOUT = 4

    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        # Set before any style sheet is parsed, to avoid parsing twice.
        self.set_reactive(App.theme, AMA_DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.animation_level = "none"
        self.failure: Exception | None = None
        self._signals_taken = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return meanings(self.current_theme)

    def on_mount(self) -> None:
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, self.action_interrupt)
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.stop_now)
            self._signals_taken = True

    def on_unmount(self) -> None:
        if self._signals_taken:
            loop = asyncio.get_running_loop()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def action_interrupt(self) -> None:
        """Ctrl+C, as a signal or a key."""
        raise NotImplementedError

    def stop_now(self) -> None:
        """Stop and quit, without a question."""
        raise NotImplementedError

    def get_driver_class(self) -> type[Driver]:
        from ama_tui.ui.terminal_driver import ResilientDriver

        chosen = super().get_driver_class()
        return ResilientDriver if issubclass(ResilientDriver, chosen) else chosen

    @property
    def terminal_lost(self) -> bool:
        """The terminal is gone: nothing can be shown, but the run is still stopped properly."""
        return getattr(self._driver, "is_lost", False)

    def input_failed(self, error: Exception) -> None:
        """Keys can no longer be read: stop properly if the terminal is gone, otherwise fail."""
        if self.terminal_lost:
            self.stop_now()
        else:
            self._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        """Exit after an internal error; the caller of `run` reports `failure`.

        Nothing is shown here: Textual would print the values of variables, which may contain keys.
        """
        self._return_code = 1
        if isinstance(error, WorkerFailed) and isinstance(error.error, Exception):
            error = error.error
        if self.failure is None:
            self.failure = self._exception = error
            self._exception_event.set()
        self.bell()
        self._close_messages_no_wait()

    def toast(self, text: str, *, is_error: bool = False) -> None:
        """Show a short message in the corner, unless it is shown already; markup is not interpreted."""
        from ama_tui.ui.format import plain

        message = plain(text)
        if all(shown.message != message for shown in self._notifications):
            self.notify(message, severity="error" if is_error else "information", markup=False)

    def report_error(self, error: AmaError) -> None:
        """Show an error on the current screen until it is dismissed; as a toast if the screen has no place for it."""
        show = getattr(self.screen, "show_error", None)
        if show is None:
            self.toast(str(error), is_error=True)
        else:
            show(error)

    def copy(self, text: str, name: str) -> None:
        """Copy a text to the clipboard and confirm it."""
        self.copy_to_clipboard(text)
        self.toast(f"Copied {name}")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action available on this screen, by its title."""
        scope = getattr(screen, "SCOPE", None)
        for spec in actions_reachable_from(scope) if scope else ():
            if spec.in_palette:
                yield SystemCommand(spec.title, spec.tooltip, self._runner(screen, spec.action))

    def _runner(self, screen: Screen[Any], action: str) -> Callable[[], Any]:
        async def run() -> None:
            await screen.run_action(action)

        return run
