"""What screens, panels and key bars ask of the application.

The application alone imports screens: a screen that leads to another asks its host to open it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import StartRequest
    from ama_tui.ui.bridge import Bridge, EngineFacts
    from ama_tui.ui.history import History
    from ama_tui.ui.kills import CancelCommand, Kills


class Host(Protocol):
    """The application as a screen sees it."""

    bridge: Bridge | None
    """None until the engine is being opened."""
    facts: EngineFacts | None
    """None until the engine is open."""

    @property
    def history(self) -> History | None:
        """What the charts of the selected market show; None before anything was noted."""

    market: Market | None
    """The market of the current run, of several the selected one; None before the first."""
    clock: Callable[[], float]
    """The time in Unix seconds."""
    kills: Kills
    """The kill under way, this run's report, and the markets where a kill is not proven."""

    # actions

    def why_not(self, action_id: str) -> str | None:
        """Why an action is unavailable now; None when it is available."""

    def refused(self, action_id: str) -> bool:
        """Show why an action is unavailable; False when it is available."""

    def action_kill(self) -> None:
        """Open the kill dialog."""

    def action_copy_cancel(self) -> None:
        """Copy the command that cancels the orders of unproven kills from another terminal."""

    def kill_and_quit(self) -> None:
        """Cancel everything, and quit if that is proven."""

    def show_kills(self) -> None:
        """Show on every screen which kills are not proven."""

    @property
    def cancel_command(self) -> CancelCommand:
        """How to cancel from a shell what the dashboard could not."""

    def stop_now(self) -> None:
        """Stop the run and quit, without a question."""

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

    def open_setup(self, markets: Sequence[Market], done: Sequence[StartRequest] = ()) -> None:
        """Set up a run on these markets, one after the other; `done` are the requests for those set up before."""

    def ask_preset_name(
        self, existing: Collection[str], suggested: str, directory: str, on_answer: Callable[[str | None], None]
    ) -> None:
        """Ask for the name of a new preset; the answer is None when the operator cancels."""

    def begin(self, *requests: StartRequest) -> None:
        """Show the preparation of a run on one or more markets, which starts it."""

    def started(self) -> None:
        """The run is running: replace its preparation with the live screen."""

    def start_failed(self, requests: Sequence[StartRequest], error: AmaError) -> None:
        """The run did not start: go back to its set-up and show why."""

    def action_show_market(self, address: str) -> None:
        """Show one market of the run, by its order book's address."""

    def open_wallet(self, market: Market, address: str) -> None:
        """Show one wallet (`address` in lower case)."""

    def open_parameters(self, market: Market) -> None:
        """Edit the parameters of the paused run."""
