"""The application: which screen is shown, the actions of every screen, and how it all ends.

Its imports are what the first paint needs, and no more: the engine's rooms load after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from ama_tui.ui.actions import BY_ID
from ama_tui.ui.base_app import BaseApp
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.screens.starting import StartingScreen

if TYPE_CHECKING:
    from ama_tui.domain.errors import AmaError
    from ama_tui.domain.event import EngineState
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport, StartRequest
    from ama_tui.engine.host import EngineHost
    from ama_tui.ui.bridge import Bridge, EngineFacts
    from ama_tui.ui.history import History

CLOSE_SECONDS = 15.0
"""How long quitting waits for the engine's thread; the engine itself waits at most 10 s for what is in flight."""


class AmaApp(BaseApp):
    """The dashboard. `make_host` is called after the first paint; `make_demo_host` on "start the demo"."""

    def __init__(
        self,
        make_host: Callable[[], EngineHost],
        *,
        make_demo_host: Callable[[], EngineHost] | None = None,
        is_demo: bool = False,
        begin_at_once: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """With `begin_at_once` a run begins as soon as the venue is open, with what the options say."""
        super().__init__()
        self.clock = clock
        self.is_demo = is_demo
        self.can_start_demo = make_demo_host is not None and not is_demo
        self.bridge: Bridge | None = None
        self.facts: EngineFacts | None = None
        self.history: History | None = None
        self.market: Market | None = None
        self.kill_report: KillReport | None = None
        self.is_leaving = False
        self.is_killing = False
        self.leave_after_kill = False
        self.open_exit_code = 0
        self._begin_at_once = begin_at_once
        self._has_survivors = False
        self._make_host = make_host
        self._make_demo_host = make_demo_host

    # life

    def get_default_screen(self) -> Screen[Any]:
        return StartingScreen(is_demo=self.is_demo)

    def on_mount(self) -> None:
        self.call_after_refresh(self.open_engine)

    def open_engine(self) -> None:
        """Load the engine on its thread and ask it what it found."""
        from ama_tui.ui.bridge import POLL_SECONDS, Bridge
        from ama_tui.ui.history import History

        first = self.bridge is None
        self.history = History()
        self.bridge = Bridge(self._make_host(), clock=self.clock)
        self.bridge.start()
        if first:
            self.set_interval(POLL_SECONDS, self._poll)
        self.run_worker(self._open(), group="open", exclusive=True)

    async def _open(self) -> None:
        from ama_tui.domain.errors import AmaError

        assert self.bridge is not None  # noqa: S101 - open_engine has set it
        try:
            self.facts = await self.bridge.open()
        except AmaError as error:
            self._show_welcome((error.message,), error.hint, error.exit_code)
            return
        if self.facts.problem_lines:
            self._show_welcome(self.facts.problem_lines, "", 2)
        elif not self.is_leaving:
            self.open_exit_code = 0
            if self._begin_at_once:
                await self._begin_by_itself(self.facts)
            else:
                self._show_markets(self.facts)

    def _show_markets(self, facts: EngineFacts, *, opens_preselected: bool = True) -> None:
        from ama_tui.ui.screens.markets import MarketsScreen

        self.push_screen(MarketsScreen(facts, opens_preselected=opens_preselected))

    async def _begin_by_itself(self, facts: EngineFacts) -> None:
        """Begin on the market that the options name (in the demo: or the first), resuming what is stored.

        What cannot be decided without the operator is asked: the market list is shown then.
        """
        from ama_tui.domain.errors import AmaError
        from ama_tui.ui.autostart import first_request

        assert self.bridge is not None  # noqa: S101 - the desk is open
        try:
            request = await first_request(self.bridge, facts)
        except AmaError as error:
            if not self.is_leaving:
                self._show_markets(facts, opens_preselected=False)
                self.tell(str(error), is_error=True)
            return
        if not self.is_leaving:
            self.begin(request)

    def action_markets(self) -> None:
        """Back to the list once a run has ended, to set up another."""
        from ama_tui.ui.screens.markets import MarketsScreen

        if self.facts is None or self.refused("run.markets"):
            return
        while len(self.screen_stack) > 1 and not isinstance(self.screen, MarketsScreen):
            self.pop_screen()
        if not isinstance(self.screen, MarketsScreen):
            self._show_markets(self.facts, opens_preselected=False)

    def _show_welcome(self, problems: tuple[str, ...], hint: str, exit_code: int) -> None:
        from ama_tui.ui.screens.welcome import WelcomeScreen

        if not self.is_leaving:
            self.open_exit_code = exit_code
            self.push_screen(WelcomeScreen(problems, hint, offers_demo=self.can_start_demo))

    def _poll(self) -> None:
        if self.bridge is None:
            return
        if self.history is not None:
            self.history.note(self.bridge.snapshot, self.clock())
        if self.bridge.poll() is None:
            return
        self.refresh_bindings()
        for screen in self.screen_stack[:-1]:
            if isinstance(screen, AmaScreen):
                screen.state_changed(self.bridge.snapshot, self.clock())

    # actions

    @property
    def state(self) -> EngineState | None:
        """The engine's state; None until the engine is asked for."""
        return None if self.bridge is None else self.bridge.snapshot.state

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot be done now, or None when it can."""
        need = BY_ID[action_id].need
        if need == "nothing":
            return None
        if need == "demo":
            return None if self.can_start_demo else "this is the demo already"
        if self.bridge is None:
            return "no run is under way"
        from ama_tui.ui.states import why_not

        return why_not(need, self.bridge.snapshot)

    def refused(self, action_id: str) -> bool:
        """Say why an action cannot be done now; True when it cannot."""
        reason = self.why_not(action_id)
        if reason is not None:
            self.tell(f"{BY_ID[action_id].label}: {reason}")
        return reason is not None

    def action_start_demo(self) -> None:
        """Leave the venue that cannot be used and open one of our own."""
        if not self.refused("demo.start") and self._make_demo_host is not None:
            self._make_host, self.can_start_demo, self.is_demo = self._make_demo_host, False, True
            self._open_again()

    def action_retry_open(self) -> None:
        """Read the environment again."""
        self._open_again()

    def _open_again(self) -> None:
        if self.bridge is not None:
            self.run_worker(self.bridge.close(CLOSE_SECONDS), group="close")
        while len(self.screen_stack) > 1:
            self.pop_screen()
        starting = self.screen
        if isinstance(starting, StartingScreen):
            starting.show_starting(is_demo=self.is_demo)
        self.open_engine()

    async def action_pause(self) -> None:
        """Pause a run, or go on with it."""
        if self.refused("run.pause") or self.bridge is None:
            return
        from ama_tui.domain.errors import AmaError
        from ama_tui.domain.event import EngineState

        try:
            if self.state is EngineState.RUNNING:
                await self.bridge.ask(lambda engine: engine.pause())
            else:
                await self.bridge.ask(lambda engine: engine.resume())
        except AmaError as error:
            self.fail(error)
        self._poll()

    def action_kill(self) -> None:
        """Ask before everything is cancelled; from every screen, over every dialog."""
        from ama_tui.ui.screens.kill import KillScreen

        if any(isinstance(screen, KillScreen) for screen in self.screen_stack):
            return
        if not self.refused("run.kill"):
            self.push_screen(KillScreen())

    def action_help(self) -> None:
        """Show every key and what it does; once more closes it."""
        from ama_tui.ui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.action_back()
        elif isinstance(self.screen, AmaScreen):
            self.push_screen(HelpScreen(self.screen.PLACE))

    def action_stop(self) -> None:
        """Stop the run if there is one, close the engine, and leave. A kill is finished first."""
        if self.is_leaving:
            return
        if self.is_killing:
            self.leave_after_kill = True
            self.tell("leaving when the kill is proven; ^c leaves at once")
            return
        self.is_leaving = True
        if self.bridge is None:
            self.leave()
            return
        from ama_tui.ui.screens.stop import StopScreen

        self.push_screen(StopScreen())

    def action_interrupt(self) -> None:
        """Stop; a second time leaves at once."""
        if self.is_leaving or self.leave_after_kill:
            self.exit(ExitMessage(130, self._last_words("left at once"), at_once=True), return_code=130)
        else:
            self.action_stop()

    async def action_quit(self) -> None:
        self.action_stop()

    def begin(self, request: StartRequest) -> None:
        """Go on to the preparation of a run."""
        from ama_tui.ui.screens.preparation import PreparationScreen

        self.market = request.market
        self._has_survivors = self._survived
        self.kill_report = None
        self.push_screen(PreparationScreen(request))

    @property
    def _survived(self) -> bool:
        """Did a kill, of this run or of one before it, leave orders that may still rest?"""
        return self._has_survivors or (self.kill_report is not None and not self.kill_report.is_proven)

    def started(self) -> None:
        """The run cycles: show it live in the place of its preparation, which is on top."""
        from ama_tui.ui.screens.live import LiveScreen

        if self.market is not None and not self.is_leaving:
            self.switch_screen(LiveScreen(self.market))

    def start_failed(self, request: StartRequest, error: AmaError) -> None:
        """The run could not start: from its preparation to the set-up, which says why."""
        from ama_tui.ui.screens.setup import SetupScreen

        if self.is_leaving or self.facts is None:
            return
        self.pop_screen()
        if isinstance(self.screen, SetupScreen):
            self.screen.start_failed(error)
        else:
            self._show_markets(self.facts, opens_preselected=False)
            self.push_screen(SetupScreen(request.market, self.facts, failed=(request, error)))

    def leave(self) -> None:
        """Exit; what stays open is the last line."""
        code = 4 if self._survived else self.open_exit_code
        self.exit(ExitMessage(code, self._last_words("stopped")), return_code=code)

    def stop_after_crash(self) -> ExitMessage:
        """Stop the engine when the screen ended without it; for after `run`."""
        words = self._last_words("the dashboard failed")
        if self.bridge is not None:
            self.bridge.stop_without_screen(CLOSE_SECONDS)
            words = self._last_words("the dashboard failed, the run was stopped")
        return ExitMessage(self.return_code or 1, words, failure=self.failure)

    def _last_words(self, verb: str) -> str:
        if self.bridge is None or self.market is None or self.terminal_lost:
            return ""
        from ama_tui.ui.exit_message import last_words

        return last_words(verb, self.market, self.bridge.snapshot, self.kill_report, venue_ends=self.is_demo)
