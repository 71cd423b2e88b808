"""What screens, panels and key bars ask of the application.

The application alone imports screens: a screen that leads to another asks its host to open it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport, StartRequest
    from ama_tui.ui.bridge import Bridge, EngineFacts
    from ama_tui.ui.history import History


class Host(Protocol):
    """The application as a screen sees it."""

    bridge: Bridge | None
    """None until the engine is being opened."""
    facts: EngineFacts | None
    """None until the engine is open."""
    history: History | None
    """What the charts show; None until the engine is being opened."""
    market: Market | None
    """The market of the current run; None before the first."""
    clock: Callable[[], float]
    """The time in Unix seconds."""
    is_killing: bool
    """A kill is under way."""
    leave_after_kill: bool
    """The operator asked to quit during the kill."""
    kill_report: KillReport | None
    """The report of this run's kill; None while there was none."""

    # actions

    def why_not(self, action_id: str) -> str | None:
        """Why an action is unavailable now; None when it is available."""

    def refused(self, action_id: str) -> bool:
        """Show why an action is unavailable; False when it is available."""

    def action_stop(self) -> None:
        """Stop the run and quit."""

    def leave(self) -> None:
        """Exit now; the engine is closed."""

    # messages

    def toast(self, text: str, *, is_error: bool = False) -> None:
        """Show a short message in the corner."""

    def report_error(self, error: AmaError) -> None:
        """Show an error on the current screen until it is dismissed, or as a toast."""

    def copy(self, text: str, name: str) -> None:
        """Copy a text to the clipboard and confirm it."""

    # the way through the screens

    def open_setup(self, market: Market) -> None:
        """Set up a run on a market."""

    def ask_preset_name(
        self, existing: Collection[str], suggested: str, directory: str, on_answer: Callable[[str | None], None]
    ) -> None:
        """Ask for the name of a new preset; the answer is None when the operator cancels."""

    def begin(self, request: StartRequest) -> None:
        """Show the preparation of a run, which starts it."""

    def started(self) -> None:
        """The run is running: replace its preparation with the live screen."""

    def start_failed(self, request: StartRequest, error: AmaError) -> None:
        """The run did not start: go back to its set-up and show why."""

    def open_wallet(self, market: Market, address: str) -> None:
        """Show one wallet (`address` in lower case)."""

    def open_parameters(self, market: Market) -> None:
        """Edit the parameters of the paused run."""
