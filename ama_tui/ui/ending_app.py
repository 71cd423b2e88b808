"""The part of the application that ends things: kills, quitting, and the line that says what stays open.

At import time it loads only what the first frame needs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ama_tui.ui.actions import BY_ID
from ama_tui.ui.base_app import BaseApp, SignalSource
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.kills import CancelCommand, Kills, Leaving, banner_text
from ama_tui.ui.screens.base import AmaScreen

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineState
    from ama_tui.domain.market import Market
    from ama_tui.ui.bridge import Bridge, EngineFacts


class EndingApp(BaseApp):
    """An application with an engine that may have orders on a book."""

    def __init__(
        self, *, is_demo: bool, can_start_demo: bool, cancel_options: str, signals: SignalSource | None = None
    ) -> None:
        super().__init__(signals)
        self.is_demo = is_demo
        self.can_start_demo = can_start_demo
        self.bridge: Bridge | None = None
        self.facts: EngineFacts | None = None
        self.market: Market | None = None
        self.shows_overview = False
        """All markets of the run are shown, so that what the operator does concerns all of them."""
        self.kills = Kills()
        self.is_leaving = False
        self.open_exit_code = 0
        self._cancel_options = cancel_options

    # what may be done now

    @property
    def state(self) -> EngineState | None:
        """The engine's state; None before the engine is opened."""
        return None if self.bridge is None else self.bridge.snapshot.state

    def why_not(self, action_id: str) -> str | None:
        """Why an action is unavailable now; None when it is available."""
        need = BY_ID[action_id].need
        if need == "nothing":
            return None
        if need == "demo":
            return None if self.can_start_demo else "this already is the demo"
        if need == "unproven":
            return None if self.kills.unproven else "no kill is unproven"
        if self.bridge is None:
            return "no run is active"
        if need == "several":
            return None if self.bridge.has_several else "the run has one market"
        from ama_tui.ui.states import why_not_any

        concerns_all = self.shows_overview or need in ("run", "ended")
        return why_not_any(need, self.bridge.snapshots if concerns_all else (self.bridge.snapshot,))

    def refused(self, action_id: str) -> bool:
        """Show why an action is unavailable; False when it is available."""
        reason = self.why_not(action_id)
        if reason is not None:
            self.toast(f"{BY_ID[action_id].label}: {reason}")
        return reason is not None

    # kill

    def action_kill(self) -> None:
        """Open the kill dialog, from every screen and over every dialog."""
        from ama_tui.ui.screens.kill import KillScreen

        if any(isinstance(screen, KillScreen) for screen in self.screen_stack) or self.refused("run.kill"):
            return
        self._close_question()
        self.push_screen(KillScreen())

    def action_copy_cancel(self) -> None:
        """Copy the command that cancels the orders of unproven kills from another terminal."""
        if not self.refused("run.copy.cancel"):
            command = self.cancel_command.anywhere(*(one.market for one in self.kills.unproven))
            self.copy(command, f"for another terminal: {command}")

    def show_kills(self) -> None:
        """Show on every screen which kills are not proven."""
        text = banner_text(
            self.kills.unproven, can_retry=self.why_not("run.kill") is None, is_running=self.kills.is_running
        )
        for screen in self.screen_stack:
            if isinstance(screen, AmaScreen):
                screen.show_banner(text)
        self.refresh_bindings()

    # quit

    def action_stop(self) -> None:
        """Stop and quit. While orders rest ask first; during a kill quit once it is proven."""
        from ama_tui.ui.screens.quit import QuitScreen

        if self.is_leaving or any(isinstance(screen, QuitScreen) for screen in self.screen_stack):
            return
        if self.kills.is_running:
            self._leave_after_kill(Leaving.IF_PROVEN)
        elif self._asks_before_quitting:
            self.push_screen(QuitScreen())
        else:
            self.stop_now()

    @property
    def _asks_before_quitting(self) -> bool:
        """Orders may rest, quitting would leave them, and a kill could cancel them first."""
        if self.bridge is None or self.facts is None or not self.facts.confirms_quit:
            return False
        snapshots = self.bridge.snapshots
        orders = sum(snapshot.resting + snapshot.pending + snapshot.unknown for snapshot in snapshots)
        cancels = all(snapshot.cancels_on_stop for snapshot in snapshots)
        return (orders > 0 or bool(self.kills.unproven)) and not cancels and self.why_not("run.kill") is None

    def _close_question(self) -> None:
        from ama_tui.ui.screens.quit import QuitScreen

        if isinstance(self.screen, QuitScreen):
            self.pop_screen()

    def _leave_after_kill(self, leaving: Leaving) -> None:
        self.kills.leaving = leaving
        self.toast("Quitting once the cancellation is confirmed · ^c: quit now")

    def kill_and_quit(self) -> None:
        """Cancel everything, and quit if that is proven."""
        from ama_tui.ui.screens.kill import KillScreen

        if not self.refused("run.kill"):
            self.push_screen(KillScreen(leaving=Leaving.IF_PROVEN))

    def stop_now(self) -> None:
        """Stop the run, close the engine and quit, without a question. A kill is finished first."""
        if self.is_leaving:
            return
        if self.kills.is_running:
            self._leave_after_kill(Leaving.ALWAYS)
            return
        self.is_leaving = True
        if self.bridge is None:
            self.leave()
            return
        from ama_tui.ui.screens.stop import StopScreen

        self.push_screen(StopScreen())

    def action_interrupt(self) -> None:
        """Stop and quit; the second time exit immediately."""
        if self.is_leaving or self.kills.leaving is not Leaving.NO:
            self.leave_now()
        else:
            self.stop_now()

    def leave_now(self) -> None:
        """Exit without waiting for the engine."""
        self.exit(ExitMessage(130, self._exit_line("exited immediately"), is_forced=True), return_code=130)

    @property
    def takes_its_time(self) -> bool:
        """A kill is under way, or stopping cancels the run's orders."""
        snapshots = () if self.bridge is None else self.bridge.snapshots
        return self.kills.is_running or any(snapshot.cancels_on_stop for snapshot in snapshots)

    async def action_quit(self) -> None:
        self.action_stop()

    def leave(self) -> None:
        """Exit; the exit line reports what stays open."""
        code = 4 if self.kills.unproven else self.open_exit_code
        self.exit(ExitMessage(code, self._exit_line("stopped")), return_code=code)

    def stop_after_crash(self) -> ExitMessage:
        """Stop the engine after the screen crashed; call after `run`."""
        line = self._exit_line("the dashboard failed")
        if self.bridge is not None:
            self.bridge.stop_without_screen()
            line = self._exit_line("the dashboard failed and the run was stopped")
        return ExitMessage(self.return_code or 1, line, failure=self.failure)

    def _exit_line(self, event: str) -> str:
        if self.bridge is None or self.market is None or self.terminal_lost:
            return ""
        from ama_tui.ui.exit_message import exit_line

        snapshots = [replace(one, market=one.market or self.market) for one in self.bridge.snapshots]
        return exit_line(event, snapshots, self.kills, self.cancel_command, venue_ends=self.is_demo)

    @property
    def cancel_command(self) -> CancelCommand:
        """How to cancel from a shell what this dashboard could not."""
        return CancelCommand("" if self.facts is None else self.facts.directory, self._cancel_options)
