"""The part of the application that knows nothing of runs: themes, signals, toasts, the palette, failures.

At import time it loads only what the first frame needs.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

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

LONGEST_STOP_S = 11.0
"""The dashboard ends this long after a signal, whatever the engine waits for, unless it cancels orders."""


class SignalSource(Protocol):
    """Where the signals that ask the program to stop come from."""

    def deliver_to(self, receiver: Callable[[int], None]) -> None:
        """Call `receiver` with the number of every signal, from within any step of this thread."""

    def lift_limit(self) -> None:
        """Let the stop take as long as it needs."""


class BaseApp(App[ExitMessage]):
    """An application that survives the loss of its terminal, handles signals, and shows no secrets when it fails."""

    CSS_PATH: ClassVar[CSSPathType | None] = style("starting")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("anywhere")
    COMPONENT_CLASSES: ClassVar[set[str]] = set(INK_CLASSES)
    TITLE = "ama-tui"
    ENABLE_SELECT_AUTO_SCROLL = False
    NOTIFICATION_TIMEOUT = 4

    def __init__(self, signals: SignalSource | None = None) -> None:
        super().__init__()
        self._signals = signals
        for theme in THEMES:
            self.register_theme(theme)
        # Set before any style sheet is parsed, to avoid parsing twice.
        self.set_reactive(App.theme, AMA_DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.animation_level = "none"
        self.failure: Exception | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return meanings(self.current_theme)

    def on_mount(self) -> None:
        if self._signals is not None:
            loop, context = asyncio.get_running_loop(), copy_context()  # a signal strikes in any context

            def receive(number: int) -> None:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._signalled, number, context=context)

            self._signals.deliver_to(receive)

    def _signalled(self, number: int) -> None:
        if self.takes_its_time:
            assert self._signals is not None  # noqa: S101 - it sent the signal
            self._signals.lift_limit()
        else:
            self.set_timer(LONGEST_STOP_S, self.leave_now)
        if number == signal.SIGINT:
            self.action_interrupt()
        else:
            self.stop_now()

    @property
    def takes_its_time(self) -> bool:
        """Stopping now cancels orders, which no signal may cut short."""
        raise NotImplementedError

    def leave_now(self) -> None:
        """Quit without waiting for the engine."""
        raise NotImplementedError

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
